//! A PostgreSQL server of its own for each test: a data folder that goes with it, a free port, and `fsync` on.
//!
//! Making a data folder takes seconds: it is made once, kept beside what was built, and copied. The server
//! refuses to run as root: then it runs as `nobody`.

use std::{
    env, fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chat_infra::postgres::PostgresDatabase;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A new version of what makes the template gets a new name.
const TEMPLATE: &str = "postgres-2";

/// A server, which ends with this.
pub struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Child,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings like `work_mem=8MB`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        give_to_server(folder.path());
        let copied = Command::new("cp")
            .arg("-a")
            .args([template(), folder.path().join("data")])
            .status();
        assert!(copied.is_ok_and(|it| it.success()), "the folder is copied");
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let port = free_port();
        let process = spawn(folder.path(), port, &settings);
        let mut server = Self {
            folder,
            port,
            settings,
            process,
        };
        server.wait_until_ready().await;
        server
    }

    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The address of the server behind this port.
    pub fn url_at(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/template1")
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A database that is up to date.
    pub async fn open(&self) -> PostgresDatabase {
        let database = PostgresDatabase::open(&self.url(), STARTS_WITHIN).await;
        let database = database.expect("it opens");
        database.migrate().await.expect("it migrates");
        database
    }

    /// As another program would.
    pub async fn connect(&self) -> PgConnection {
        let connection = PgConnection::connect(&self.url()).await;
        connection.expect("the server answers")
    }

    /// What the server has written into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("there is a log")
    }

    /// Ends it at once, as when a machine loses its power.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.process.wait().expect("it ends");
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port, &self.settings);
        self.wait_until_ready().await;
    }

    /// It keeps its connections and says nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// To it and those that it has started.
    fn signal(&self, name: &str) {
        let pid = self.process.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let script = format!("kill -{name} {pid} {}", children.unwrap_or_default());
        // One of them may have ended meanwhile.
        let _ = Command::new("sh")
            .args(["-c", &script])
            .stderr(Stdio::null())
            .status();
    }

    async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        let state = self.folder.path().join("data/postmaster.pid");
        loop {
            let state = fs::read_to_string(&state).unwrap_or_default();
            let pid = self.process.id().to_string();
            if state.starts_with(&pid) && state.lines().last().is_some_and(is_ready) {
                return;
            }
            let ended = self.process.try_wait().expect("it is a child of ours");
            let is_late = start.elapsed() > STARTS_WITHIN;
            assert!(ended.is_none() && !is_late, "no server: {}", self.log());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn is_ready(line: &str) -> bool {
    line.trim() == "ready"
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.resume();
            // At once, but it tidies up what the machine shares.
            let script = format!("kill -QUIT {}", self.process.id());
            let _ = Command::new("sh").args(["-c", &script]).status();
            let _ = self.process.wait();
        }
    }
}

/// It ends with the thread that started it, also if nobody lives to drop it.
fn spawn(folder: &Path, port: u16, settings: &[String]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log");
    let mut command = as_server("QUIT");
    command
        .arg(program("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.spawn().expect("setpriv, of util-linux, runs")
}

/// Nobody else takes it meanwhile, most likely: the system gives each of them in turn.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// A data folder as `initdb` makes it. Its language is not that of machines, so that an order of ours that
/// relies on it shows.
fn template() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = cache.join(TEMPLATE);
    let lock = fs::File::create(cache.join("postgres.lock")).expect("a lock");
    lock.lock().expect("our turn");
    if template.exists() {
        return template;
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    give_to_server(folder.path());
    let made = folder.path().join("data");
    let output = as_server("KILL")
        .arg(program("initdb"))
        .arg("-D")
        .arg(&made)
        .args(["--username=postgres", "--auth=trust", "--no-sync"])
        .args(["--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--locale-provider=icu", "--icu-locale=en"])
        // Less to copy.
        .arg("--wal-segsize=1")
        .current_dir(folder.path())
        .output()
        .expect("setpriv, of util-linux, runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no data folder: {words}");
    leave_one_database(&made);
    let half_made = cache.join(format!("{TEMPLATE}.new"));
    let _ = fs::remove_dir_all(&half_made);
    let copied = Command::new("cp")
        .arg("-a")
        .args([&made, &half_made])
        .status();
    assert!(copied.is_ok_and(|it| it.success()), "the folder is kept");
    fs::rename(&half_made, &template).expect("the folder gets its name");
    template
}

/// Of the three that `initdb` makes: there is less to copy.
fn leave_one_database(folder: &Path) {
    let script = b"drop database postgres\n\
        update pg_database set datistemplate = false where datname = 'template0'\n\
        drop database template0\n";
    let mut alone = as_server("KILL")
        .arg(program("postgres"))
        .arg("--single")
        .arg("-D")
        .args([folder, Path::new("template1")])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv, of util-linux, runs");
    let mut input = alone.stdin.take().expect("it was asked for");
    input.write_all(script).expect("it reads");
    drop(input);
    assert!(alone.wait().is_ok_and(|it| it.success()), "it ends well");
}

/// Runs what follows as a user that the server accepts.
fn as_server(signal_at_our_end: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal_at_our_end]);
    if let Some((user, group)) = other_user() {
        let user = user.to_string();
        let group = group.to_string();
        command.args(["--reuid", &user, "--regid", &group, "--clear-groups"]);
    }
    command
}

fn give_to_server(folder: &Path) {
    if let Some((user, group)) = other_user() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("root may give it away");
    }
    let only_theirs = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder, only_theirs).expect("it is ours to set");
}

/// `nobody`, if this is root.
fn other_user() -> Option<(u32, u32)> {
    let us = fs::metadata("/proc/self").expect("Linux").uid();
    (us == 0).then_some((65_534, 65_534))
}

/// On the path, or where Debian has it.
fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<_> = versions.flatten().map(|it| it.path()).collect();
        versions.sort();
        places.extend(versions.into_iter().rev().map(|it| it.join("bin")));
    }
    let mut found = places.iter().map(|place| place.join(name));
    found.find(|it| it.is_file()).unwrap_or_else(|| {
        panic!("`{name}` is missing: `make setup` installs it (apt-get install postgresql)")
    })
}
