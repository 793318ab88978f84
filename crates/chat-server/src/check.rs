//! `chat-server check`: what is configured, whether it can be reached, and how to mend what is wrong.

use std::{fmt, fs, net::TcpListener};

use crate::{
    auth::Tokens,
    compose::{CHECK_PATIENCE, Database, check_redis},
    config::{Config, TokenSource},
};

/// Files that the server itself has open, besides those of its connections.
const OWN_FILES: u64 = 64;

/// What was found out about one thing.
#[derive(Debug)]
pub struct Finding {
    about: &'static str,
    verdict: Verdict,
    /// What it is, or what is wrong.
    what: String,
    /// How to mend it.
    mend: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    Warning,
    Wrong,
}

impl Finding {
    fn fine(about: &'static str, what: impl Into<String>) -> Self {
        Self {
            about,
            verdict: Verdict::Fine,
            what: what.into(),
            mend: None,
        }
    }

    fn warning(about: &'static str, what: impl Into<String>, mend: &'static str) -> Self {
        Self {
            about,
            verdict: Verdict::Warning,
            what: what.into(),
            mend: Some(mend),
        }
    }

    fn wrong(about: &'static str, error: &dyn std::error::Error, mend: &'static str) -> Self {
        Self {
            about,
            verdict: Verdict::Wrong,
            what: with_causes(error),
            mend: Some(mend),
        }
    }

    /// Whether a server would not start, or would not do its work.
    pub fn is_wrong(&self) -> bool {
        self.verdict == Verdict::Wrong
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Fine => "",
            Verdict::Warning => "warning: ",
            Verdict::Wrong => "wrong: ",
        };
        write!(f, "{}: {verdict}{}", self.about, self.what)?;
        self.mend.map_or(Ok(()), |mend| write!(f, "\n  {mend}"))
    }
}

/// One line that says what went wrong, and why.
pub fn with_causes(failure: &dyn std::error::Error) -> String {
    let mut line = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// Looks at everything that a server with these settings would need. It changes nothing.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::fine("settings", "ok")];
    findings.extend(certificate(config));
    findings.push(tokens(config).await);
    findings.push(database(config).await);
    findings.extend(redis(config).await);
    findings.push(address(config));
    findings.extend(open_files(config));
    findings
}

fn certificate(config: &Config) -> Option<Finding> {
    match crate::certificate(config) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Finding::fine("tls", "ok")),
        Err(error) => {
            let mend = "CHAT_TLS__CERT_FILE names the certificate with those that it is signed with after it, \
                CHAT_TLS__KEY_FILE its key, both as PEM, and the server's user may read them.";
            Some(Finding::wrong("tls", &error, mend))
        }
    }
}

async fn tokens(config: &Config) -> Finding {
    let Some(source) = config.auth.source() else {
        let what = "nothing to check them with; only `serve --dev` can start";
        let mend = "Set CHAT_AUTH__SECRET (32 bytes or more, `openssl rand -hex 32` makes one), or a public key or \
            JWKS document.";
        return Finding::warning("tokens", what, mend);
    };
    let renewal = match Tokens::open(&config.auth).await {
        Ok((_, renewal)) => renewal,
        Err(error) => {
            let mend = "The file has to be there, readable for the server's user, and hold what its setting says.";
            return Finding::wrong("tokens", &error, mend);
        }
    };
    match (source, renewal) {
        (TokenSource::Secret(_), _) => Finding::fine("tokens", "HS256 with a shared secret"),
        (_, None) => Finding::fine("tokens", "a public key"),
        (_, Some(renewal)) => match renewal.look().await {
            Ok(count) => {
                let what = format!("a JWKS document with {count} usable keys");
                Finding::fine("tokens", what)
            }
            Err(error) => {
                let mend = "A server starts all the same, but lets nobody in until it has the document. Try the \
                    address with curl from this machine.";
                Finding::wrong("tokens", &error, mend)
            }
        },
    }
}

async fn database(config: &Config) -> Finding {
    let file = config.database.url.sqlite_path();
    if file.is_some_and(|path| !path.exists()) {
        let what = "there is none yet; `migrate` and `serve` make it";
        return Finding::fine("database", what);
    }
    let checking = async {
        let database = Database::open(config, CHECK_PATIENCE).await?;
        let checked = database.check().await;
        database.close().await;
        checked
    };
    match checking.await {
        Ok(()) => Finding::fine("database", "ok"),
        Err(error) => Finding::wrong("database", &error, error.mend()),
    }
}

async fn redis(config: &Config) -> Vec<Finding> {
    let found = check_redis(&config.redis).await.into_iter();
    let judged = found.map(|(name, found)| match found {
        Ok(None) => Finding::fine(name, "ok"),
        Ok(Some(policy)) => {
            let what = format!(
                "answers, but may evict who is in which room: its maxmemory-policy is {policy}"
            );
            let mend = "Set `maxmemory-policy noeviction` in redis.conf, or by `CONFIG SET`.";
            Finding::warning(name, what, mend)
        }
        Err(error) => Finding::wrong(name, &error, error.mend()),
    });
    judged.collect()
}

/// A server that runs has the address: then there is nothing to say.
fn address(config: &Config) -> Finding {
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) => Finding::fine("address", format!("{address} is free")),
        Err(error) => {
            let what = format!("cannot listen on {address}: {error}");
            let mend = "If a server of yours runs there, all is well. Else choose another CHAT_LISTEN, or end what \
                `ss -ltnp` shows there.";
            Finding::warning("address", what, mend)
        }
    }
}

/// The server's user and this one may have different limits.
fn open_files(config: &Config) -> Option<Finding> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    let connections = u64::from(config.limits.connections_per_node);
    if connections > 0 && most >= connections + OWN_FILES {
        return Some(Finding::fine("files", format!("{most} may be open")));
    }
    let what = format!(
        "{most} may be open, enough for {} connections",
        most.saturating_sub(OWN_FILES)
    );
    let mend = "Raise it (`LimitNOFILE=` in systemd, `ulimit -n` in a shell), or lower \
        CHAT_LIMITS__CONNECTIONS_PER_NODE to what you expect.";
    Some(Finding::warning("files", what, mend))
}
