//! The command line.

use std::{
    collections::HashMap, ffi::OsString, io, num::NonZero, path::PathBuf, process::ExitCode,
    thread::available_parallelism, time::Duration,
};

use chat_domain::{
    id::UserId,
    ports::Clock as _,
    user::{User, UserName},
};
use chat_server::{
    Mode,
    auth::Tokens,
    check::{Finding, with_causes},
    compose::{DATABASE_PATIENCE, Database},
    config::{self, Config},
    dev, logging, metrics, run,
};
use clap::{Parser, Subcommand};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

type Failure = Box<dyn std::error::Error>;

/// A self-hosted realtime group chat server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A file with settings (TOML); environment variables win over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// For trying out: a secret of its own, sign-in by name, a group `lobby`.
        #[arg(long)]
        dev: bool,
    },
    /// Bring the database up to date.
    Migrate {
        /// Start a new life of every group's history: after a backup was restored.
        #[arg(long)]
        new_epoch: bool,
    },
    /// Print a token signed with the configured secret.
    Token {
        /// Whose token it is.
        #[arg(long)]
        user: String,
        /// The user's name; the id if absent.
        #[arg(long)]
        name: Option<String>,
        /// How long it holds: 90s, 15m, 1h, 7d.
        #[arg(long, default_value = "1h", value_parser = lifetime)]
        ttl: Duration,
    },
    /// Check the settings and reach every dependency.
    Check,
}

fn main() -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("chat-server: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(begin());
    // Whoever still waits for a name server or a file has nobody any more who wants the answer.
    runtime.shutdown_background();
    code
}

/// With a thread less than there are cores, unless `TOKIO_WORKER_THREADS` says how many (decision 0017).
fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    builder.enable_all().build()
}

async fn begin() -> ExitCode {
    let arguments = Arguments::parse();
    chat_heap::give_back_what_is_free();
    match execute(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("chat-server: {}", with_causes(&*failure));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<(), Failure> {
    let config = config::load(arguments.config.as_deref(), environment()?)?;
    metrics::recorder();
    logging::start(config.log.format, std::env::var("RUST_LOG").ok().as_deref());
    match arguments.command {
        Command::Serve { dev } => serve(config, dev).await,
        Command::Migrate { new_epoch } => migrate(&config, new_epoch).await,
        Command::Token { user, name, ttl } => token(&config, &user, name.as_deref(), ttl).await,
        Command::Check => check(&config).await,
    }
}

/// The variables that are ours; what others are is their affair.
fn environment() -> Result<HashMap<String, String>, Failure> {
    let named =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let ours = named.filter(|(name, _)| name.starts_with("CHAT_"));
    let text = |(name, value): (String, OsString)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(format!("{name} is no text").into()),
    };
    ours.map(text).collect()
}

async fn serve(mut config: Config, dev: bool) -> Result<(), Failure> {
    let mode = if dev {
        Mode::Development
    } else {
        Mode::Production
    };
    if dev {
        dev::complete(&mut config)?;
    }
    let address = config.listen;
    let tcp = TcpListener::bind(address).await;
    let tcp = tcp.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(run(config, mode, tcp, stop).await?)
}

async fn migrate(config: &Config, new_epoch: bool) -> Result<(), Failure> {
    let database = Database::open(config, DATABASE_PATIENCE).await?;
    database.migrate().await?;
    println!("the database is up to date");
    if new_epoch {
        database.new_epoch().await?;
        println!("every group has a new epoch");
    }
    database.close().await;
    Ok(())
}

async fn token(
    config: &Config,
    user: &str,
    name: Option<&str>,
    ttl: Duration,
) -> Result<(), Failure> {
    let id = UserId::parse(user)?;
    let name = name.map_or_else(|| Ok(UserName::of_id(&id)), UserName::parse)?;
    let user = User {
        id,
        name,
        image: None,
    };
    let now = chat_server::SystemClock::default().now();
    let (tokens, _) = Tokens::open(&config.auth).await?;
    println!("{}", tokens.sign(&user, now, ttl)?);
    Ok(())
}

async fn check(config: &Config) -> Result<(), Failure> {
    let findings = chat_server::check::check(config).await;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.iter().any(Finding::is_wrong) {
        return Err("something is wrong: see above".into());
    }
    Ok(())
}

/// A hundred years.
const LONGEST_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

fn lifetime(raw: &str) -> Result<Duration, String> {
    let unit = raw.chars().last().filter(char::is_ascii_alphabetic);
    let seconds = match unit {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err("write a number and s, m, h or d".to_owned()),
    };
    let number: u64 = raw[..raw.len() - 1]
        .parse()
        .map_err(|_| "write a number and s, m, h or d")?;
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds <= LONGEST_SECONDS)
        .map(Duration::from_secs)
        .ok_or_else(|| "is too long".to_owned())
}
