//! Findings for a person at a terminal, in the manner of rustc.
//!
//! ```text
//! error[D0106]: the duration `72h` has no quotes
//!  --> policy.toml:3:10
//!   |
//! 3 | expire = 72h
//!   |          ^^^
//!   |
//!   = help: write "72h"
//! ```
//!
//! The drawing is that of `annotate-snippets`; what it is given to draw is cut first. A line is shown around its
//! places and not as a whole, so that a thousand findings in a document that is one line of a mebibyte take no more
//! time and room than elsewhere. What the findings hide is masked before anything is cut. No control character of the document reaches the terminal: each is shown as its
//! picture.

use std::borrow::Cow;
use std::fmt::Write as _;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use base::{Diagnostic, Findings, Severity, TextRange};

use super::{Colour, in_order};
use crate::Source;
use crate::excerpt::{cut, visible};
use crate::limits::{RELATED_MAX, SHOWN_FIX_BYTES_MAX, WINDOW_BYTES_MAX};

/// The findings of `source`, one below another with a blank line between.
#[must_use]
pub fn text(source: &Source, findings: &Findings, colour: Colour) -> String {
    if !findings.hidden().is_empty() {
        let masked = source.masked(findings.hidden());
        return draw(&masked, findings, colour);
    }
    draw(source, findings, colour)
}

fn draw(source: &Source, findings: &Findings, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Always => Renderer::styled(),
        Colour::Never => Renderer::plain(),
    };
    let mut out = String::new();
    for finding in in_order(findings) {
        out.push_str(&one(source, finding, &renderer));
        out.push_str("\n\n");
    }
    match findings.omitted() {
        0 => {
            // The last finding needs no blank line behind it.
            out.pop();
        }
        1 => out.push_str("and 1 more finding that is not shown\n"),
        more => {
            writeln!(out, "and {more} more findings that are not shown").ok();
        }
    }
    out
}

fn one(source: &Source, finding: &Diagnostic, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let start = source.position(finding.range.start());
    let title = level.primary_title(&finding.message).id(finding.code.id);
    let origin = Origin::path(visible(source.name())).line(start.line as usize).char_column(start.column as usize);
    let views = views(source, finding);
    let mut group = Group::with_title(title).element(origin);
    for view in &views {
        group = group.element(view.snippet());
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    if let Some(fix) = fix(finding) {
        group = group.element(Level::HELP.with_name("fix").message(fix));
    }
    drop_first_jump(&renderer.render(&[group]))
}

/// `drawn` without its first line that is nothing but `:::`.
///
/// The drawing is told the place once, because it would count columns in the cut text; that makes it take the first
/// piece of source for one of another file.
fn drop_first_jump(drawn: &str) -> String {
    let mut is_dropped = false;
    let lines = drawn.split('\n').filter(|line| {
        let is_jump = !is_dropped && line.contains(":::") && without_colour(line).trim() == ":::";
        is_dropped |= is_jump;
        !is_jump
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `line` without escape sequences of colour.
fn without_colour(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, behind)| behind))
}

/// The fix in one line: its title, and what is written where that is one short text.
fn fix(finding: &Diagnostic) -> Option<String> {
    let fix = finding.fix.as_ref()?;
    let title = visible(&fix.title);
    Some(match fix.edits.as_slice() {
        [edit] if !edit.text.is_empty() && !edit.range.is_empty() && edit.text.len() <= SHOWN_FIX_BYTES_MAX => {
            let shown = format!("`{}`", visible(&edit.text));
            // Most titles say the new text themselves.
            if title.contains(&shown) { title.into_owned() } else { format!("{title}: {shown}") }
        }
        _ => title.into_owned(),
    })
}

/// Neighbouring lines of the document, cut to what is to be shown.
struct View<'f> {
    first_line: u32,
    text: String,
    marks: Vec<Mark<'f>>,
}

/// An underlined place of a [`View`], as offsets into its text.
struct Mark<'f> {
    start: usize,
    end: usize,
    label: Option<Cow<'f, str>>,
    is_primary: bool,
}

impl View<'_> {
    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        let marks = self.marks.iter().map(|mark| {
            let kind = if mark.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(mark.start..mark.end);
            match &mark.label {
                Some(label) => annotation.label(label.as_ref()),
                None => annotation,
            }
        });
        Snippet::source(self.text.as_str()).line_start(self.first_line as usize).annotations(marks)
    }
}

/// A place to be shown: one line's part of a range.
struct Place<'f> {
    line: u32,
    range: TextRange,
    label: Option<&'f str>,
    is_primary: bool,
}

/// The lines that `finding` is about, neighbours together.
fn views<'f>(source: &Source, finding: &'f Diagnostic) -> Vec<View<'f>> {
    let related = finding.related.iter().take(RELATED_MAX);
    let related = related.map(|(range, label)| (*range, Some(label.as_str()), false));
    let primary = std::iter::once((finding.range, finding.label.as_deref(), true));
    let mut places: Vec<_> = primary
        .chain(related)
        .map(|(range, label, is_primary)| Place {
            line: source.position(range.start()).line,
            range: shown_part(source.text(), range),
            label,
            is_primary,
        })
        .collect();
    places.sort_by_key(|place| (place.line, place.range.start()));

    let mut views: Vec<View<'f>> = Vec::new();
    let mut last_line = 0;
    let mut last_end = 0;
    for line in places.chunk_by(|a, b| a.line == b.line) {
        let Some(number) = line.first().map(|place| place.line) else {
            continue;
        };
        let (shown, marks, end) = window(source.text(), line);
        let between = (!views.is_empty()).then(|| between(source.text(), last_end, number - last_line)).flatten();
        if let (Some(between), Some(view)) = (between, views.last_mut()) {
            view.text.push_str(&between);
            let start = view.text.len();
            view.text.push_str(&shown);
            view.marks.extend(marks.into_iter().map(|mark| Mark {
                start: mark.start + start,
                end: mark.end + start,
                ..mark
            }));
        } else {
            views.push(View { first_line: number, text: shown, marks });
        }
        (last_line, last_end) = (number, end);
    }
    // The place that the finding is at comes first.
    views.sort_by_key(|view| !view.marks.iter().any(|mark| mark.is_primary));
    views
}

/// The part of `range` that is underlined: not past the end of its first line, nor further than a window.
fn shown_part(text: &str, range: TextRange) -> TextRange {
    let start = text.floor_char_boundary(range.start() as usize);
    let rest = text.get(start..).unwrap_or_default();
    let length = (range.end() as usize).saturating_sub(start).min(WINDOW_BYTES_MAX);
    let part = text_up_to(rest, length);
    let line = part.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    TextRange::of(start..start + line.len())
}

/// What is shown of the line on which all `places` stand, their marks in it, and where in the document it ends.
fn window<'f>(text: &str, places: &[Place<'f>]) -> (String, Vec<Mark<'f>>, usize) {
    let mut shown = String::new();
    let mut starts = vec![0; places.len()];
    let mut ends = vec![0; places.len()];
    let mut behind = None;
    for place in places {
        let (from, is_cut_left) = line_start(text, place.range.start() as usize);
        let (to, _) = line_end(text, place.range.end() as usize);
        let from = behind.map_or(from, |behind: usize| from.max(behind));
        let is_apart = behind.is_none_or(|behind| from > behind);
        if is_cut_left && is_apart {
            shown.push('…');
        }
        let piece = text.get(from..to.max(from)).unwrap_or_default();
        for (at, char) in piece.char_indices().map(|(at, char)| (from + at, char)) {
            note(places, at, shown.len(), &mut starts, &mut ends);
            match char {
                '\t' => shown.push('\t'),
                char => shown.push_str(&visible(char.encode_utf8(&mut [0; 4]))),
            }
        }
        behind = Some(behind.map_or(to, |behind| behind.max(to)));
        note(places, behind.unwrap_or(to), shown.len(), &mut starts, &mut ends);
    }
    let behind = behind.unwrap_or_default();
    if line_end(text, behind).0 > behind || line_end(text, behind).1 {
        shown.push('…');
    }
    let marks = places.iter().zip(starts.into_iter().zip(ends)).map(|(place, (start, end))| Mark {
        start,
        end: end.max(start),
        label: place.label.map(visible),
        is_primary: place.is_primary,
    });
    (shown, marks.collect(), behind)
}

/// Remembers that the document's offset `at` is `shown_at` in the shown text, for the places that begin or end there.
fn note(places: &[Place<'_>], at: usize, shown_at: usize, starts: &mut [usize], ends: &mut [usize]) {
    for ((place, start), end) in places.iter().zip(starts).zip(ends) {
        if place.range.start() as usize == at {
            *start = shown_at;
        }
        if place.range.end() as usize == at {
            *end = shown_at;
        }
    }
}

/// Where the line of the byte at `offset` begins, or the window into it; whether it is the latter.
fn line_start(text: &str, offset: usize) -> (usize, bool) {
    let from = text.floor_char_boundary(offset.saturating_sub(WINDOW_BYTES_MAX));
    let before = text.get(from..offset).unwrap_or_default();
    match before.rfind('\n') {
        Some(at) => (from + at + 1, false),
        None => (from, from > 0 && text.as_bytes().get(from - 1) != Some(&b'\n')),
    }
}

/// Where the line of the byte at `offset` ends, or the window into it; whether it is the latter.
fn line_end(text: &str, offset: usize) -> (usize, bool) {
    let rest = text.get(offset..).unwrap_or_default();
    let part = text_up_to(rest, WINDOW_BYTES_MAX);
    match part.find('\n') {
        Some(0) => (offset, false),
        Some(at) => {
            let line = part.get(..at).unwrap_or(part);
            (offset + line.strip_suffix('\r').unwrap_or(line).len(), false)
        }
        None => (offset + part.len(), part.len() < rest.len()),
    }
}

/// What stands between two places that are `lines` apart, the first of which is shown up to `offset`; `None` where
/// the two are better shown apart.
fn between(text: &str, offset: usize, lines: u32) -> Option<String> {
    if lines > GAP_LINES_MAX {
        // The drawing leaves out what has no marks, so empty lines do.
        return (lines <= FOLDED_LINES_MAX).then(|| "\n".repeat(lines as usize));
    }
    let rest = text_up_to(text.get(offset..)?, WINDOW_BYTES_MAX * 4);
    let (last, _) = rest.match_indices('\n').nth(lines.checked_sub(1)? as usize)?;
    let between = rest.get(rest.find('\n')?..=last)?;
    let shown = between.split('\n').map(visible_but_tabs);
    Some(shown.collect::<Vec<_>>().join("\n"))
}

fn visible_but_tabs(line: &str) -> String {
    let parts = line.trim_end_matches('\r').split('\t').map(visible);
    parts.collect::<Vec<_>>().join("\t")
}

fn text_up_to(text: &str, length: usize) -> &str {
    cut(text, length)
}

/// How many lines two places may be apart for what is between to be shown.
const GAP_LINES_MAX: u32 = 4;

/// How many lines two places may be apart to be drawn as one piece, with dots between.
const FOLDED_LINES_MAX: u32 = 10_000;
