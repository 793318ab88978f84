//! Writes the documents that are made from the wire types; with `--check`, says which of them are stale.

use std::{env, fs, io, path::Path, process::ExitCode};

use chat_server::schema::documents;

fn main() -> io::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let only_check = env::args().any(|argument| argument == "--check");
    let mut stale = false;
    for document in documents() {
        let path = root.join(document.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == document.text) {
            continue;
        }
        if only_check {
            stale = true;
            eprintln!("{} is stale: run `make schema`", document.path);
        } else {
            fs::write(path, document.text)?;
            println!("wrote {}", document.path);
        }
    }
    Ok(ExitCode::from(u8::from(stale)))
}
