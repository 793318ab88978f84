//! How a run goes: gather, play, settle, ask, go home, read the history, judge.

use std::{
    io,
    net::ToSocketAddrs,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use thiserror::Error;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    arguments::RunArguments,
    client::{
        line::{Endpoint, Endpoints},
        phone::{Legacy, Phone},
        runner::Runner,
        shared::{Phase, Shared},
    },
    plan::Role,
    progress::Progress,
    record::{Record, Room, User, micros},
    report::{Report, Spent},
    scenario::{Script, ScriptError},
    stage::{Access, Stage, StageError},
    usage,
    verdict::{Rules, Verdict, judge},
};

/// From the last one ready to the first step.
const DRAW_BREATH: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What follows the play, so that it can be judged.
const TO_BE_JUDGED: [(&str, Phase); 2] = [("settle", Phase::Settle), ("ask", Phase::Ask)];

/// What came of a run.
#[expect(missing_docs, reason = "the names say it")]
pub struct Outcome {
    pub record: Record,
    pub shared: Arc<Shared>,
    pub report: Report,
    pub verdict: Verdict,
}

/// Why a run could not take place, or not to its end.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RunError {
    /// The scenario makes no sense.
    #[error("{0}")]
    Script(#[from] ScriptError),
    /// The addresses make no sense.
    #[error("`{url}` is no address of a server: {source}")]
    Url { url: String, source: io::Error },
    /// Nobody may make users.
    #[error("without --dev, an administrator's key and a secret are needed")]
    NoAccess,
    /// The users and groups could not be made, or the history not be read.
    #[error("{0}")]
    Stage(#[from] StageError),
    /// Not everybody came in.
    #[error("only {ready} of {of} clients could connect and join; the last reason: {reason}")]
    Gather {
        ready: usize,
        of: usize,
        reason: String,
    },
}

/// A run that is about to begin.
pub struct Conductor<'a> {
    arguments: &'a RunArguments,
    progress: Progress,
    window: Option<oneshot::Sender<Arc<Shared>>>,
}

impl<'a> Conductor<'a> {
    /// With these arguments, showing this.
    pub fn new(arguments: &'a RunArguments, progress: Progress) -> Self {
        Self {
            arguments,
            progress,
            window: None,
        }
    }

    /// Lets somebody look at the clients from when all are there and the play begins.
    #[must_use]
    pub fn with_window(mut self, window: oneshot::Sender<Arc<Shared>>) -> Self {
        self.window = Some(window);
        self
    }

    /// Runs the script, and judges.
    ///
    /// # Errors
    /// The run could not take place, or its end could not be looked at.
    pub async fn run(mut self, script: Script) -> Result<Outcome, RunError> {
        let stage = Stage::new(&self.arguments.url[0], access(self.arguments)?);
        let cast = stage
            .set(&run_name(), users(&script), &script.rooms)
            .await?;

        let rules = Rules {
            large_rooms: self.arguments.large_rooms,
            evicted_within: script.evicted_within,
            ..Rules::default()
        };
        let (shared, mut record, report) = self
            .play(
                script.roles,
                Shared::new(cast),
                script.length,
                &TO_BE_JUDGED,
            )
            .await?;
        for (room, members) in (0..).map(Room).zip(&script.rooms) {
            let member = members.first().copied().unwrap_or(User(0));
            let history = stage.history(&shared.cast, room, member).await?;
            record.history.push(history);
        }
        let verdict = judge(&record, &shared.cast, &rules);
        let report = report.finish(script.name, &record);
        Ok(Outcome {
            record,
            shared,
            report,
            verdict,
        })
    }

    /// Runs the script with the users and groups of that name, which are there already. Says what it cost and how long
    /// it took, and does not judge.
    ///
    /// # Errors
    /// The run could not take place.
    pub async fn measure(mut self, script: Script, name: &str) -> Result<Report, RunError> {
        let secret = secret(self.arguments)?;
        let stage = Stage::new(&self.arguments.url[0], Access::Given { secret });
        let cast = stage.set(name, users(&script), &script.rooms).await?;
        let shared = Shared::new(cast).without_promises();
        let (_, record, spent) = (self.play(script.roles, shared, script.length, &[])).await?;
        Ok(spent.finish(script.name, &record))
    }

    /// Gathers everybody, plays, and goes through what follows.
    async fn play(
        &mut self,
        roles: Vec<Role>,
        shared: Shared,
        length: Duration,
        afterwards: &[(&'static str, Phase)],
    ) -> Result<(Arc<Shared>, Record, Spent), RunError> {
        let endpoints: Arc<[Endpoint]> = endpoints(self.arguments)?.into();
        let shared = Arc::new(shared);
        let zero = shared.zero;
        let (phases, watching) = watch::channel(Phase::Gather);
        let of = roles.len();
        let mut clients = JoinSet::new();
        for (number, role) in (0_u32..).zip(roles) {
            let endpoints = Endpoints::starting_at(Arc::clone(&endpoints), number as usize);
            let at = Duration::from_secs(1) * number / self.arguments.connects_per_second.max(1);
            let seed = self.arguments.seed.wrapping_add(u64::from(number) << 32);
            let small_buffer = role.small_buffer;
            let phone = Phone::new(role, Arc::clone(&shared), at, seed);
            let runner = Runner::new(phone, Arc::clone(&shared), endpoints, small_buffer, zero);
            let phases = watching.clone();
            clients.spawn(async move { (number, runner.run(phases).await) });
        }

        let patience = Duration::from_secs(self.arguments.gather);
        if !self
            .wait("gather", &shared, Phase::Gather, of, patience, patience)
            .await
        {
            return Err(RunError::Gather {
                ready: shared.ready(Phase::Gather),
                of,
                reason: shared.last_complaint().unwrap_or_else(|| "none".to_owned()),
            });
        }
        let play = Phase::Play {
            start: zero.elapsed() + DRAW_BREATH,
        };
        let settle = Duration::from_secs(self.arguments.settle);
        phases.send_replace(play);
        if let Some(window) = self.window.take() {
            // Whoever wanted to look may be gone.
            let _ = window.send(Arc::clone(&shared));
        }
        sleep(DRAW_BREATH).await;
        let before = Spent::so_far(&self.arguments.server_pid);
        self.wait("play", &shared, play, of, length, length + settle)
            .await;
        let spent = before.until_now();
        for &(part, phase) in afterwards {
            phases.send_replace(phase);
            self.wait(part, &shared, phase, of, settle, settle).await;
        }
        // What was said last may still be under way.
        sleep(DRAW_BREATH).await;
        let end = micros(zero.elapsed());
        phases.send_replace(Phase::Over);
        let mut legacies = clients.join_all().await;
        self.progress.finish();
        legacies.sort_by_key(|(number, _)| *number);
        Ok((shared, record(legacies, end), spent))
    }

    /// Waits until all have done what the phase is for. Returns whether they have, in time.
    async fn wait(
        &mut self,
        part: &'static str,
        shared: &Shared,
        phase: Phase,
        of: usize,
        length: Duration,
        patience: Duration,
    ) -> bool {
        let begun = Instant::now();
        while shared.ready(phase) < of {
            if begun.elapsed() > patience {
                return false;
            }
            let done = match phase {
                Phase::Play { .. } => {
                    begun.elapsed().as_millis() * 1_000 / length.as_millis().max(1)
                }
                _ => shared.ready(phase) as u128 * 1_000 / of.max(1) as u128,
            };
            let done = u64::try_from(done).unwrap_or(1_000).min(1_000);
            self.progress.show(part, done, shared);
            sleep(LOOK_EVERY).await;
        }
        true
    }
}

fn record(legacies: Vec<(u32, Legacy)>, end: u64) -> Record {
    let mut record = Record {
        end,
        ..Record::default()
    };
    for (at, (_, legacy)) in legacies.into_iter().enumerate() {
        record.diaries.push(legacy.diary);
        record.asked.extend(legacy.asked);
        let shown = legacy.shown.into_iter().map(|census| (at, census));
        record.shown.extend(shown);
    }
    record
}

fn access(arguments: &RunArguments) -> Result<Access, RunError> {
    if arguments.dev {
        return Ok(Access::Dev);
    }
    let key = given(arguments.admin_key.as_deref(), "CHAT_ADMIN__KEY")?;
    let secret = secret(arguments)?;
    Ok(Access::Admin { key, secret })
}

fn secret(arguments: &RunArguments) -> Result<String, RunError> {
    given(arguments.secret.as_deref(), "CHAT_AUTH__SECRET")
}

/// From the command line, or else from the environment.
fn given(argument: Option<&str>, variable: &str) -> Result<String, RunError> {
    let given = argument.map(str::to_owned);
    let given = given.or_else(|| std::env::var(variable).ok());
    given.ok_or(RunError::NoAccess)
}

fn users(script: &Script) -> u32 {
    u32::try_from(script.roles.len()).unwrap_or(u32::MAX)
}

/// Every address to connect to, from every address to connect from.
fn endpoints(arguments: &RunArguments) -> Result<Vec<Endpoint>, RunError> {
    let from: Vec<_> = match arguments.from.as_slice() {
        [] => vec![None],
        from => from.iter().copied().map(Some).collect(),
    };
    let mut endpoints = Vec::new();
    for from in from {
        for url in &arguments.url {
            let wrong = |source| RunError::Url {
                url: url.clone(),
                source,
            };
            let rest = url
                .strip_prefix("http://")
                .ok_or_else(|| wrong(io::Error::other("it does not begin with `http://`")))?;
            let host = rest.trim_end_matches('/').to_owned();
            let with_port = if host.contains(':') {
                host.clone()
            } else {
                format!("{host}:80")
            };
            let mut addresses = with_port.to_socket_addrs().map_err(wrong)?;
            let address = addresses.next();
            let address = address.ok_or_else(|| wrong(io::Error::other("it has no address")))?;
            endpoints.push(Endpoint {
                address,
                host,
                from,
            });
        }
    }
    Ok(endpoints)
}

/// A name that no other run has, short and of plain characters.
fn run_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.map_or(0, |now| now.as_millis());
    format!("load-{millis:x}-{:x}", usage::own_id() & 0xfff)
}
