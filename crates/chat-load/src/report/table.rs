//! The report for people.

use std::fmt;

use super::{Report, ServerUsage};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "{}: {} clients in {} rooms, {:.1} s\n",
            self.scenario, counts.clients, counts.rooms, self.seconds
        )?;
        let rows = [
            ("connections", counts.connections),
            ("  refused", counts.connections_refused),
            ("  ended by the server", counts.ended_by_server),
            ("  of these, told to be slow", counts.ended_as_slow),
            ("room sessions", counts.room_sessions),
            ("messages", counts.messages),
            ("  sends, repeats included", counts.sends),
            ("  refused for now", counts.refused),
            ("  acked", counts.acked),
            ("  acks that say duplicate", counts.acked_as_duplicate),
            ("  in history at the end", counts.in_history),
            ("delivered live", counts.delivered),
            ("read in pages", counts.read_in_pages),
            ("typing events sent", counts.typing_sent),
            ("typing events told", counts.typing_told),
            ("changes of presence told", counts.presence_told),
        ];
        for (name, count) in rows {
            writeln!(f, "{name:<28}{count:>10}")?;
        }
        writeln!(
            f,
            "{:<28}{:>10.0}",
            "acked per second", self.acked_per_second
        )?;
        writeln!(
            f,
            "{:<28}{:>10.0}\n",
            "delivered per second", self.delivered_per_second
        )?;
        self.latencies(f)?;
        self.cpu(f)
    }
}

impl Report {
    fn latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<44}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}",
            "milliseconds", "p50", "p90", "p99", "p99.9", "max", "count"
        )?;
        for latency in &self.latencies {
            writeln!(
                f,
                "{:<44}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>10}",
                latency.name,
                latency.p50,
                latency.p90,
                latency.p99,
                latency.p999,
                latency.max,
                latency.count
            )?;
        }
        writeln!(f)
    }

    fn cpu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = &self.cpu;
        let own_mib = cpu.own_resident_kib / 1_024;
        write!(
            f,
            "CPU of this generator: {:.2} s; it holds {own_mib} MiB",
            cpu.own_seconds
        )?;
        for server in &cpu.servers {
            write!(f, "\n{server}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.cpu_seconds else {
            return write!(f, "server {} has ended", self.pid);
        };
        let mib = |kib: Option<u64>| kib.unwrap_or(0) / 1_024;
        write!(
            f,
            "CPU of server {}: {seconds:.2} s; it held {} MiB before, and {} MiB after",
            self.pid,
            mib(self.resident_kib_before),
            mib(self.resident_kib_after)
        )
    }
}
