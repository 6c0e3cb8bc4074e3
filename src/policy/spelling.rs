//! Did you mean: the known name that a misspelled one is nearest to.

/// The name among `known` that `name` was probably meant to be: equal but for case, or so few letters away that it
/// is no coincidence (one in names of up to four letters, two in longer ones, three from ten on).
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const LENGTH_MAX: usize = 64;
    if name.len() > LENGTH_MAX {
        return None;
    }
    let allowed = match name.chars().count() {
        0..=1 => 0,
        2..=4 => 1,
        5..=9 => 2,
        _ => 3,
    };
    let distance = |candidate: &str| {
        if candidate.eq_ignore_ascii_case(name) { 0 } else { strsim::osa_distance(name, candidate).max(1) }
    };
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= 3)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_proposed() {
        let known = ["rcpt_domain", "rcpt", "mx", "sender"];
        let cases = [
            ("rcpt_domian", Some("rcpt_domain")),
            ("RCPT", Some("rcpt")),
            ("sendr", Some("sender")),
            ("xm", Some("mx")),
            ("relay", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }
}
