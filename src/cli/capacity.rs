//! How loaded the queues of a run were: as text for people, and as JSON lines.

use std::{io::Write, path::Path};

use delivery::Status;
use policy::Strategies;
use serde_json::json;
use simulate::Life;

use super::{Failure, life::clock, limits::rate};

/// How many recipients ended how.
#[derive(Default)]
struct Ends {
    delivered: usize,
    bounced: usize,
    queued: usize,
}

/// Shows the load of each queue, what made recipients wait, and how they ended.
pub(super) fn show(
    path: &Path,
    life: &Life,
    strategies: &Strategies,
    is_json: bool,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let mut ends = Ends::default();
    for recipient in life.recipients.values().flatten() {
        *match recipient.status {
            Status::Delivered(_) => &mut ends.delivered,
            Status::Bounced(_) => &mut ends.bounced,
            Status::Scheduled | Status::Deferred(_) => &mut ends.queued,
        } += 1;
    }
    if is_json { as_json(life, strategies, &ends, output) } else { as_text(path, life, strategies, &ends, output) }
}

fn as_text(
    path: &Path,
    life: &Life,
    strategies: &Strategies,
    ends: &Ends,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let since = |at: base::Instant| clock(at.since(life.start));
    writeln!(output, "{}: {} simulated", path.display(), since(life.end))?;
    for (queue, load) in life.loads.queues() {
        let threads = strategies.queue(queue).map_or(0, |queue| queue.threads);
        writeln!(output, "\nqueue {queue}, {threads} threads")?;
        writeln!(output, "    most recipients in it  {} at +{}", load.peak.0, since(load.peak.1))?;
        writeln!(output, "    longest in it          {}", clock(load.oldest))?;
        writeln!(output, "    most connections       {}", load.most_connections)?;
        writeln!(output, "    all threads busy for   {}", clock(load.saturated))?;
        match load.empty {
            Some(at) => writeln!(output, "    empty since            +{}", since(at))?,
            None => writeln!(output, "    still in it            {}", load.depth)?,
        }
    }
    for (limiter, waits) in &life.loads.waits {
        let what = strategies.limiters.get(*limiter).map(rate).unwrap_or_default();
        writeln!(output, "\nrate limit {}, {what}: recipients waited {waits} times", limiter + 1)?;
    }
    let Ends { delivered, bounced, queued } = ends;
    writeln!(output, "\n{delivered} delivered, {bounced} given up, {queued} still queued, reports among them")?;
    Ok(())
}

fn as_json(life: &Life, strategies: &Strategies, ends: &Ends, output: &mut impl Write) -> Result<(), Failure> {
    let since = |at: base::Instant| at.since(life.start).0;
    for (queue, load) in life.loads.queues() {
        let threads = strategies.queue(queue).map(|queue| queue.threads);
        let line = json!({
            "type": "queue",
            "name": queue,
            "threads": threads,
            "peak": load.peak.0,
            "peak_ms": since(load.peak.1),
            "oldest_ms": load.oldest.0,
            "most_connections": load.most_connections,
            "saturated_ms": load.saturated.0,
            "empty_ms": load.empty.map(since),
        });
        writeln!(output, "{line}")?;
    }
    for (limiter, waits) in &life.loads.waits {
        writeln!(output, "{}", json!({ "type": "limiter", "limiter": limiter + 1, "waits": waits }))?;
    }
    let Ends { delivered, bounced, queued } = ends;
    let line = json!({
        "type": "capacity", "delivered": delivered, "bounced": bounced, "queued": queued, "end_ms": since(life.end),
    });
    writeln!(output, "{line}")?;
    Ok(())
}
