//! What libFuzzer calls; `CHAT_FUZZ_TARGET` names the target. `make fuzz` builds this as it has to be.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: std::sync::LazyLock<chat_fuzz::Target> = std::sync::LazyLock::new(|| {
        let name = std::env::var("CHAT_FUZZ_TARGET").expect("CHAT_FUZZ_TARGET is set");
        chat_fuzz::Target::named(&name).expect("CHAT_FUZZ_TARGET names a target")
    });
    TARGET.read(bytes);
});

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    eprintln!("this takes what `make fuzz` builds it with");
    std::process::ExitCode::FAILURE
}
