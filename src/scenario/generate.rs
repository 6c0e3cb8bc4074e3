//! Many messages out of a few lines: the tables `[[generate]]` of a scenario.
//!
//! What is generated follows from the scenario's seed and the table's place, so that it is the same in every run; the
//! messages stand behind those that are written out, in the order of their times.

use base::{Diagnostic, Mailbox, Millis};
use document::{Kind as NodeKind, Node};
use policy::Variable;

use crate::{
    codes,
    context::{Context, integer, shown},
    limits,
    message::{Ids, Message},
    shape::{self, Given, Shape},
    world,
};

/// The keys of a generator.
pub(crate) const KEYS: &[&str] =
    &["id", "count", "from", "until", "senders", "domains", "recipients", "size", "source"];

/// What chance follows from: `SplitMix64`.
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where that is 0.
    fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(end);
        (product >> 64) as u64
    }
}

/// What a table says.
struct Generator {
    id: String,
    count: u64,
    from: Millis,
    until: Millis,
    senders: Vec<Mailbox>,
    /// Each domain with the sum of the weights up to it.
    domains: Vec<(String, u64)>,
    recipients: u64,
    size: (u64, u64),
    source: &'static str,
}

/// The messages of every table of `nodes`; at most as many as a file may have in all.
pub(crate) fn read(nodes: &[Node<'_>], seed: u64, ids: &Ids, context: &mut Context<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut left = limits::GENERATED_MAX as u64;
    for (place, node) in nodes.iter().enumerate() {
        let Some(generator) = generator(node, place, context) else { continue };
        if generator.count > left {
            let message = format!("more than {} messages are generated", limits::GENERATED_MAX);
            context.report(Diagnostic::new(&codes::OVER_LIMIT, node.range, message).help("a smaller `count`"));
            break;
        }
        left -= generator.count;
        let seed = seed ^ (place as u64 + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let made = generator.messages(&mut Chance(seed));
        if let Some(twice) = made.iter().find(|message| ids.has(&message.id)) {
            let message = format!("a message that is written out is called `{}`, as one that is generated", twice.id);
            context.report(Diagnostic::new(&codes::DUPLICATE_MESSAGE, node.range, message).help("give another `id`"));
        }
        messages.extend(made);
    }
    messages
}

impl Generator {
    fn messages(&self, chance: &mut Chance) -> Vec<Message> {
        let length = self.until.0.saturating_sub(self.from.0);
        let mut times: Vec<u64> = (0..self.count).map(|_| self.from.0 + chance.below(length)).collect();
        times.sort_unstable();
        let message = |(number, at): (usize, u64)| {
            let sender = usize::try_from(chance.below(self.senders.len() as u64)).unwrap_or_default();
            let count = 1 + chance.below(self.recipients);
            let mut recipients = Vec::new();
            for user in 1..=count {
                let address = format!("user{}-{user}@{}", number + 1, self.domain(chance));
                recipients.extend(Mailbox::parse(&address));
            }
            Message {
                id: format!("{}-{}", self.id, number + 1),
                at: Millis(at),
                sender: self.senders.get(sender).cloned().unwrap_or_else(Mailbox::null),
                recipients,
                size: self.size.0 + chance.below(self.size.1.saturating_sub(self.size.0) + 1),
                source: self.source,
                ..Message::default()
            }
        };
        times.into_iter().enumerate().map(message).collect()
    }

    /// One of the domains, by its weight.
    fn domain(&self, chance: &mut Chance) -> &str {
        let sum = self.domains.last().map_or(0, |(_, sum)| *sum);
        let at = chance.below(sum);
        self.domains.iter().find(|(_, sum)| at < *sum).map_or("", |(domain, _)| domain)
    }
}

fn generator(node: &Node<'_>, place: usize, context: &mut Context<'_>) -> Option<Generator> {
    let table = context.table(node, "generate", "a table with `count` and `domains`")?;
    context.unknown_keys(table, "a generator", KEYS);
    let mark = context.findings.mark();
    let given = |key: &str, shape: Shape, context: &mut Context<'_>| {
        let node = table.get(key)?;
        shape.read(node, key, &mut |finding| context.findings.push(finding))
    };
    let id = match given("id", Shape::Name, context) {
        Some(Given::Text(id)) => id,
        _ => format!("g{}", place + 1),
    };
    let most = limits::GENERATED_MAX as u64;
    let count = match given("count", Shape::Count { most }, context) {
        Some(Given::Count(count)) => count,
        _ => 0,
    };
    let from = match given("from", Shape::Offset, context) {
        Some(Given::Offset(from)) => from,
        _ => Millis(0),
    };
    let until = match given("until", Shape::Offset, context) {
        Some(Given::Offset(until)) => until,
        _ => from + Millis::from_secs(86_400),
    };
    let recipients = match given("recipients", Shape::Count { most: limits::RECIPIENTS_MAX as u64 }, context) {
        Some(Given::Count(count)) => count.max(1),
        _ => 1,
    };
    if let Some(node) = table.get("until").filter(|_| until <= from) {
        let message = format!("`until` is {until}, which is not behind `from`, {from}");
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("a later moment"));
    }
    for key in ["count", "domains"] {
        if table.get(key).is_none() {
            let message = format!("there is no `{key}`");
            let help = if key == "count" { "add `count = 1000`" } else { "add `domains = { \"corp.test\" = 1 }`" };
            context.report(Diagnostic::new(&codes::MISSING_KEY, node.range, message).help(help));
        }
    }
    let senders = senders(table.get("senders"), context);
    let domains = domains(table.get("domains"), context);
    let size = size(table.get("size"), context);
    let sources = Variable::Source.texts().unwrap_or_default();
    let named = |text: &str| sources.iter().copied().find(|known| *known == text);
    let source = table.get("source").and_then(|node| world::word(node, "source", sources, named, context));
    let source = source.unwrap_or_else(|| Message::default().source);
    if context.findings.errors_since(mark) {
        return None;
    }
    Some(Generator { id, count, from, until, senders, domains, recipients, size, source })
}

/// The return paths; the null one where none is given.
fn senders(node: Option<&Node<'_>>, context: &mut Context<'_>) -> Vec<Mailbox> {
    let mut senders = Vec::new();
    let example = "`[\"alice@home.example\"]`";
    for node in node.and_then(|node| context.list(node, "senders", example)).unwrap_or_default() {
        match context.element(node, "senders", "`\"alice@home.example\"`").map(shape::address) {
            None => {}
            Some(Ok(sender)) => senders.push(sender),
            Some(Err(wrong)) => context.report(wrong.finding(node, "senders")),
        }
    }
    senders
}

/// The domains, each with the sum of the weights up to it.
fn domains(node: Option<&Node<'_>>, context: &mut Context<'_>) -> Vec<(String, u64)> {
    let Some(node) = node else { return Vec::new() };
    let Some(table) = context.table(node, "domains", "`{ \"corp.test\" = 1 }`") else { return Vec::new() };
    let (mut domains, mut sum) = (Vec::new(), 0_u64);
    for entry in table.entries() {
        let NodeKind::Number(text) = &entry.value.kind else {
            context.wrong_kind(&entry.value, entry.key(), "a weight: a whole number", "`1`");
            continue;
        };
        let weight = integer(text).and_then(|weight| u32::try_from(weight).ok());
        let is_domain = shape::address(&format!("a@{}", entry.key())).is_ok();
        if let Some(weight) = weight.filter(|_| is_domain) {
            sum += u64::from(weight);
            domains.push((entry.key().to_owned(), sum));
            continue;
        }
        let (message, range) = if is_domain {
            (format!("the weight of `{}` cannot be {}", shown(entry.key()), shown(text)), entry.value.range)
        } else {
            (format!("`{}` is no domain", shown(entry.key())), entry.key_range)
        };
        context.report(Diagnostic::new(&codes::INVALID_VALUE, range, message).help("such as `\"corp.test\" = 3`"));
    }
    if sum == 0 && !table.entries().is_empty() {
        let message = "no domain has a weight";
        context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("a weight above 0"));
    }
    domains
}

/// The smallest and the largest size.
fn size(node: Option<&Node<'_>>, context: &mut Context<'_>) -> (u64, u64) {
    let Some(node) = node else { return (0, 0) };
    let number = |node: &Node<'_>| match &node.kind {
        NodeKind::Number(text) => integer(text).and_then(|number| u64::try_from(number).ok()),
        _ => None,
    };
    let bounds: Option<Vec<u64>> = match node.as_list() {
        Some(list) => list.iter().map(number).collect(),
        None => number(node).map(|size| vec![size, size]),
    };
    match bounds.as_deref() {
        Some([least, most]) if least <= most => (*least, *most),
        _ => {
            let message = "`size` is neither a number of bytes nor the smallest and the largest one";
            context.report(Diagnostic::new(&codes::INVALID_VALUE, node.range, message).help("such as `[1000, 50000]`"));
            (0, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use document::Source;

    use super::limits;
    use crate::{NoFiles, Scenario};

    fn scenario(text: &str) -> Scenario {
        let (scenario, findings) = crate::read(&Source::new("s.toml", text.to_owned()), &NoFiles);
        assert!(!findings.has_errors(), "{findings:?}");
        scenario.unwrap()
    }

    const TEXT: &str = "seed = 7\n[[generate]]\ncount = 3000\nfrom = \"1h\"\nuntil = \"2h\"\nrecipients = 4\nsize = [10, 19]\n\
                        senders = [\"a@x.test\", \"b@x.test\"]\ndomains = { \"big.test\" = 3, \"small.test\" = 1 }\n";

    #[test]
    fn messages_follow_from_the_seed_and_keep_to_what_is_said() {
        let made = scenario(TEXT);
        assert_eq!(made, scenario(TEXT));
        assert_ne!(made.messages, scenario(&TEXT.replace("seed = 7", "seed = 8")).messages);
        assert_eq!(made.messages.len(), 3_000);
        assert!(made.messages.is_sorted_by_key(|message| message.at));
        let (mut all, mut big, mut sizes, mut from_a) = (0, 0, [0; 10], 0);
        for message in &made.messages {
            assert!((3_600_000..7_200_000).contains(&message.at.0) && (1..=4).contains(&message.recipients.len()));
            all += message.recipients.len();
            big += message.recipients.iter().filter(|rcpt| rcpt.domain() == "big.test").count();
            sizes[message.size as usize - 10] += 1;
            from_a += usize::from(message.sender.as_str() == "a@x.test");
        }
        assert!((7_000..8_000).contains(&all), "{all}");
        assert!((70..80).contains(&(big * 100 / all)), "{big} of {all}");
        assert!(sizes.iter().all(|count| (200..400).contains(count)), "{sizes:?}");
        assert!((1_350..1_650).contains(&from_a), "{from_a}");
    }

    #[test]
    fn what_is_generated_is_bounded() {
        let table = |count: usize| format!("[[generate]]\ncount = {count}\ndomains = {{ \"a.test\" = 1 }}\n");
        let errors = |text: String| crate::read(&Source::new("s.toml", text), &NoFiles).1.has_errors();
        assert!(!errors(table(1_000) + &table(1)));
        assert!(errors(table(limits::GENERATED_MAX) + &table(1)));
        assert!(!errors(table(0).repeat(limits::GENERATORS_MAX)));
        assert!(errors(table(0).repeat(limits::GENERATORS_MAX + 1)));
    }
}
