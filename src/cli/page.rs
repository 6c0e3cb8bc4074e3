//! `simulate --report FILE`: what came of scenarios as one page that needs nothing else: timelines, plots, and each policy
//! with how often its rules were taken.
//!
//! The page holds no script, and its plots are drawn here. All that comes from outside is escaped.

use std::{fmt::Write as _, io::Write as _, path::Path};

use base::Millis;
use delivery::Status;
use simulate::Timeline;

use super::{Failure, coverage::Policies, life::clock, masked::Masked};

/// How many recipients of a scenario are shown at most.
pub(super) const TIMELINES_MAX: usize = 500;

/// How many bars a plot over time has at most.
const BARS_MAX: u64 = 120;

/// The page as it grows.
#[derive(Default)]
pub(super) struct Page {
    sections: String,
}

/// A scenario that is over.
pub(super) struct Section<'s> {
    pub(super) path: &'s Path,
    /// What it was run with, in a line.
    pub(super) head: String,
    pub(super) timelines: &'s [Timeline],
    /// How each recipient is called, and its life as text.
    pub(super) lives: Vec<(String, String)>,
    /// What is to be told first: expectations that are not met, and what must never be.
    pub(super) wrong: Vec<String>,
    /// The reports, each under its name.
    pub(super) reports: Vec<(String, String)>,
    /// How long the run took, in its own time.
    pub(super) length: Millis,
}

impl Page {
    pub(super) fn add(&mut self, section: &Section<'_>) {
        let text = &mut self.sections;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<section>\n<h2>{}</h2>", escaped(&section.path.display().to_string()));
        let _ = writeln!(text, "<p>{}</p>", escaped(&section.head));
        for wrong in &section.wrong {
            let _ = writeln!(text, "<p class=\"wrong\">{}</p>", escaped(wrong));
        }
        if !section.timelines.is_empty() {
            text.push_str(&plots(section));
        }
        for (name, life) in section.lives.iter().take(TIMELINES_MAX) {
            let _ = writeln!(
                text,
                "<details open><summary>{}</summary><pre>{}</pre></details>",
                escaped(name),
                escaped(life)
            );
        }
        if section.lives.len() > TIMELINES_MAX {
            let _ = writeln!(text, "<p>The first {TIMELINES_MAX} of {} recipients are shown.</p>", section.lives.len());
        }
        for (name, report) in section.reports.iter().take(TIMELINES_MAX) {
            let _ =
                writeln!(text, "<details><summary>{}</summary><pre>{}</pre></details>", escaped(name), escaped(report));
        }
        let _ = writeln!(text, "</section>");
    }

    /// Writes the page, with the policies that were used.
    pub(super) fn write(&self, path: &Path, policies: &Policies) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::Usage(format!("cannot write `{}`: {error}", path.display()));
        let file = std::fs::File::create(path).map_err(failed)?;
        let mut out = Masked::new(std::io::BufWriter::new(file));
        out.write_all(self.text(policies).as_bytes()).and_then(|()| out.flush()).map_err(failed)
    }

    fn text(&self, policies: &Policies) -> String {
        let mut text = format!("{HEAD}{}", self.sections);
        for (path, percent, lines) in policies.pages() {
            let _ = writeln!(text, "<section>\n<h2>{}</h2>", escaped(&path.display().to_string()));
            let _ = writeln!(
                text,
                "<p>{percent:.1}% of its rules and strategies were reached.</p>\n<table class=\"policy\">"
            );
            for (number, (line, count)) in lines.into_iter().enumerate() {
                let class = match count {
                    None => "",
                    Some(0) => " class=\"never\"",
                    Some(_) => " class=\"taken\"",
                };
                let count = count.map(|count| count.to_string()).unwrap_or_default();
                let _ = writeln!(
                    text,
                    "<tr{class}><td>{}</td><td>{count}</td><td><pre>{}</pre></td></tr>",
                    number + 1,
                    escaped(line)
                );
            }
            let _ = writeln!(text, "</table>\n</section>");
        }
        text.push_str("</body>\n</html>\n");
        text
    }
}

fn plots(section: &Section<'_>) -> String {
    let mut text = "<div class=\"plots\">\n".to_owned();
    let series = Series::of(section.timelines, section.length);
    text.push_str(&steps("recipients in the queue", &series.depth, section.length));
    text.push_str(&bars(&format!("delivered, for each {}", clock(series.bar)), &series.over_time(&series.delivered)));
    text.push_str(&bars(&format!("deferred, for each {}", clock(series.bar)), &series.over_time(&series.deferred)));
    text.push_str(&bars("time until delivery", &series.delays));
    text.push_str(&bars("attempts for a delivery", &series.attempts));
    text.push_str("</div>\n");
    text
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>pointsman simulate</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1b1f24; background: #fff; }
h2 { font-size: 1.15em; border-top: 1px solid #d0d7de; padding-top: 1em; }
pre { margin: 0; font: 12.5px/1.45 ui-monospace, monospace; white-space: pre-wrap; }
summary { cursor: pointer; font-weight: 600; margin: .6em 0 .2em; }
.wrong { color: #a40e26; font-weight: 600; }
.plots { display: flex; flex-wrap: wrap; gap: 1.2em; }
.plots figure { margin: 0; }
figcaption { font-size: 12.5px; }
svg { background: #f6f8fa; }
svg text { font: 10px system-ui, sans-serif; fill: #57606a; }
.policy td { padding: 0 .6em 0 0; text-align: right; font: 12.5px/1.45 ui-monospace, monospace; color: #57606a; }
.policy td:last-child { text-align: left; color: #1b1f24; }
.policy .never td { background: #ffebe9; }
.policy .taken td { background: #dafbe1; }
</style>
</head>
<body>
<h1>pointsman simulate</h1>
"#;

/// A bar's name and height.
type Bars = Vec<(String, u64)>;

/// What is plotted of the lives of a scenario.
struct Series {
    /// How many recipients are in the queue from each moment on.
    depth: Vec<(Millis, u64)>,
    /// How long a bar of a plot over time is.
    bar: Millis,
    delivered: Vec<u64>,
    deferred: Vec<u64>,
    delays: Bars,
    attempts: Bars,
}

impl Series {
    fn of(timelines: &[Timeline], length: Millis) -> Self {
        // A minute, or as many of them as leave few enough bars.
        let minutes = length.0.div_ceil(60_000).div_ceil(BARS_MAX).max(1);
        let bar = Millis(minutes * 60_000);
        let count = usize::try_from(length.0 / bar.0 + 1).unwrap_or(1);
        let (mut delivered, mut deferred) = (vec![0; count], vec![0; count]);
        let mut changes: Vec<(Millis, bool)> = Vec::new();
        let mut delays: Vec<u64> = vec![0; DELAYS.len() + 1];
        let mut attempts: Vec<u64> = Vec::new();
        for timeline in timelines {
            let Some(accepted) = timeline.accepted else { continue };
            changes.push((accepted, true));
            for (number, attempt) in timeline.attempts.iter().enumerate() {
                let Some((at, status)) = &attempt.outcome else { continue };
                let place = usize::try_from(at.0 / bar.0).unwrap_or(usize::MAX);
                match status {
                    Status::Delivered(_) => {
                        count_at(&mut delivered, place);
                        let took = Millis(at.0.saturating_sub(accepted.0));
                        count_at(
                            &mut delays,
                            DELAYS.iter().position(|(most, _)| took <= *most).unwrap_or(DELAYS.len()),
                        );
                        if attempts.len() <= number {
                            attempts.resize(number + 1, 0);
                        }
                        count_at(&mut attempts, number);
                    }
                    Status::Deferred(_) => count_at(&mut deferred, place),
                    Status::Scheduled | Status::Bounced(_) => {}
                }
            }
            let is_final = |status: &Status| status.is_final();
            let last = timeline.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref()).next_back();
            let last = timeline.given_up.as_ref().or(last).filter(|(_, status)| is_final(status));
            changes.extend(last.map(|(at, _)| (*at, false)));
        }
        changes.sort_unstable();
        let mut depth: Vec<(Millis, u64)> = vec![(Millis(0), 0)];
        let mut known = 0_u64;
        for (at, is_more) in changes {
            known = if is_more { known + 1 } else { known.saturating_sub(1) };
            depth.push((at, known));
        }
        let names = DELAYS.iter().map(|(_, name)| format!("≤ {name}")).chain(["more".to_owned()]);
        Self {
            depth,
            bar,
            delivered,
            deferred,
            delays: names.zip(delays).collect(),
            attempts: attempts
                .into_iter()
                .enumerate()
                .map(|(number, count)| ((number + 1).to_string(), count))
                .collect(),
        }
    }

    fn over_time(&self, counts: &[u64]) -> Bars {
        let at = |place: usize| clock(Millis(self.bar.0 * place as u64));
        counts.iter().enumerate().map(|(place, count)| (format!("+{}", at(place)), *count)).collect()
    }
}

/// The bounds of how long deliveries take.
const DELAYS: [(Millis, &str); 8] = [
    (Millis::from_secs(1), "1s"),
    (Millis::from_secs(10), "10s"),
    (Millis::from_secs(60), "1m"),
    (Millis::from_secs(600), "10m"),
    (Millis::from_secs(3_600), "1h"),
    (Millis::from_secs(6 * 3_600), "6h"),
    (Millis::from_secs(86_400), "1d"),
    (Millis::from_secs(3 * 86_400), "3d"),
];

fn count_at(counts: &mut [u64], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

/// The size of a plot, and of the room for its words.
const WIDTH: u64 = 420;
const HEIGHT: u64 = 120;
const FOOT: u64 = 16;

fn figure(title: &str, most: u64, (first, last): (&str, &str), shapes: &str) -> String {
    format!(
        "<figure><figcaption>{}, at most {most}</figcaption><svg width=\"{WIDTH}\" height=\"{}\" role=\"img\">{shapes}\
         <text x=\"2\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text></svg></figure>\n",
        escaped(title),
        HEIGHT + FOOT,
        HEIGHT + FOOT - 4,
        escaped(first),
        WIDTH - 2,
        HEIGHT + FOOT - 4,
        escaped(last),
    )
}

/// A plot of bars, each with its name and height as a title.
fn bars(title: &str, bars: &Bars) -> String {
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let count = bars.len().max(1) as u64;
    let mut shapes = String::new();
    for (place, (name, height)) in bars.iter().enumerate().filter(|(_, (_, height))| *height > 0) {
        let (left, right) = (place as u64 * WIDTH / count, (place as u64 + 1) * WIDTH / count);
        let tall = (height * (HEIGHT - 4) / most.max(1)).max(1);
        let _ = write!(
            shapes,
            "<rect x=\"{left}\" y=\"{}\" width=\"{}\" height=\"{tall}\" fill=\"#0969da\"><title>{}: {height}</title></rect>",
            HEIGHT - tall,
            (right - left).saturating_sub(1).max(1),
            escaped(name),
        );
    }
    let name = |bar: Option<&(String, u64)>| bar.map(|(name, _)| name.clone()).unwrap_or_default();
    figure(title, most, (&name(bars.first()), &name(bars.last())), &shapes)
}

/// A plot of what holds from each moment on.
fn steps(title: &str, known: &[(Millis, u64)], length: Millis) -> String {
    let most = known.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let across = |at: Millis| at.0.saturating_mul(WIDTH) / length.0.max(1);
    let down = |count: u64| HEIGHT - count * (HEIGHT - 4) / most.max(1);
    // Of the moments that fall on one point of the plot, the fullest is drawn.
    let mut columns: Vec<(u64, u64, u64)> = Vec::new();
    for (at, count) in known {
        match columns.last_mut().filter(|(x, ..)| *x == across(*at)) {
            Some((_, fullest, last)) => (*fullest, *last) = ((*count).max(*fullest), *count),
            None => columns.push((across(*at), *count, *count)),
        }
    }
    let mut path = format!("M0 {HEIGHT}");
    for (x, fullest, last) in columns {
        let _ = write!(path, "H{x}V{}V{}", down(fullest), down(last));
    }
    let shapes = format!("<path d=\"{path}H{WIDTH}V{HEIGHT}Z\" fill=\"#54aeff66\" stroke=\"#0969da\"/>");
    figure(title, most, ("+0ms", &format!("+{}", clock(length))), &shapes)
}

/// A text as HTML has it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}
