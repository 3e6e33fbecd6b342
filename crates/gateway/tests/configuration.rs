//! The example file, the documentation and the program know the same keys.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use sylk_gateway::config::Config;
use toml::de::{DeTable, DeValue};

#[test]
fn the_example_file_is_valid() {
    Config::parse(&read("examples/sylk-gateway.toml")).expect("valid");
}

#[test]
fn the_example_file_has_every_key_and_no_other() {
    assert_eq!(example_keys(), program_keys());
}

#[test]
fn the_documentation_has_every_key_and_no_other() {
    let text = read("docs/configuration.md");
    let documented: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key.to_owned())
        .collect();
    assert_eq!(documented, program_keys());
}

#[test]
fn documented_defaults_are_those_of_the_program() {
    let text = read("docs/configuration.md");
    let limits = format!("{:?}", sylk_gateway::config::Limits::default());
    for line in text.lines() {
        let Some((key, rest)) = line
            .strip_prefix("| `limits.")
            .and_then(|l| l.split_once("` | "))
        else {
            continue;
        };
        let default = rest.split(" | ").next().expect("a cell");
        assert!(
            limits.contains(&format!("{key}: {default}")),
            "{key}: {default}"
        );
    }
}

#[test]
fn the_binary_checks_a_file_and_says_what_is_wrong_by_name_and_line() {
    let file = std::env::temp_dir().join(format!("sylk-gateway-{}.toml", std::process::id()));
    let good = read("examples/sylk-gateway.toml");
    std::fs::write(&file, &good).expect("writable");
    let (code, output) = check(&file);
    assert_eq!(code, Some(0), "{output}");

    std::fs::write(&file, good.replace("calls = 2000", "cals = 2000")).expect("writable");
    let (code, output) = check(&file);
    assert_eq!(code, Some(3), "{output}");
    let line = 1 + good
        .lines()
        .position(|line| line == "calls = 2000")
        .expect("there");
    assert!(output.contains(&format!(".toml:{line}: ")), "{output}");
    assert!(output.contains("`cals`"), "{output}");

    // Music that is none: the file itself.
    let key = "# hold_music = \"/etc/sylk-gateway/hold.wav\"";
    assert!(good.contains(key));
    let here = format!("hold_music = {:?}", file.display().to_string());
    std::fs::write(&file, good.replace(key, &here)).expect("writable");
    let (code, output) = check(&file);
    std::fs::remove_file(&file).expect("removable");
    assert_eq!(code, Some(3), "{output}");
    assert!(output.contains("media.hold_music"), "{output}");
}

fn check(file: &std::path::Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sylk-gateway"))
        .args(["serve", "--check", "--config"])
        .arg(file)
        .output()
        .expect("runs");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Keys of the example file, those commented out included.
fn example_keys() -> BTreeSet<String> {
    let text = read("examples/sylk-gateway.toml");
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with("[[") => rest,
            Some(_) | None => line,
        })
        .collect();
    let text = uncommented.join("\n");
    let document = DeTable::parse(&text).expect("TOML");
    let mut keys = BTreeSet::new();
    collect("", document.get_ref(), &mut keys);
    keys
}

fn collect(prefix: &str, table: &DeTable<'_>, keys: &mut BTreeSet<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        let inner = format!("{key}.");
        match value.get_ref() {
            DeValue::Table(table) => collect(&inner, table, keys),
            DeValue::Array(array) if array.iter().any(|item| item.get_ref().is_table()) => {
                for item in array.iter() {
                    collect(&inner, item.get_ref().as_table().expect("a table"), keys);
                }
            }
            DeValue::Array(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                keys.insert(key);
            }
        }
    }
}

/// Keys of the program: it lists them when it refuses one that it does not know.
fn program_keys() -> BTreeSet<String> {
    const UNKNOWN: &str = "surely_unknown = 0\n";
    let tables = [
        ("web", "[web]\n"),
        ("web.listen", "[[web.listen]]\n"),
        ("sip", "[sip]\n"),
        ("sip.listen", "[[sip.listen]]\n"),
        ("sip.domain", "[[sip.domain]]\n"),
        ("sip.registration", "[sip.registration]\n"),
        ("media", "[media]\n"),
        ("media.browser", "[media.browser]\n"),
        ("media.phone", "[media.phone]\n"),
        ("account", "[[account]]\n"),
        ("limits", "[limits]\n"),
        ("log", "[log]\n"),
        ("health", "[health]\n"),
    ];
    let mut keys = BTreeSet::new();
    for (table, head) in tables {
        let problems = Config::parse(&format!("{head}{UNKNOWN}")).expect_err("unknown key");
        let text = problems[0].to_string();
        let (_, expected) = text.split_once("expected").expect("the known keys");
        let known = expected.split('`').skip(1).step_by(2);
        keys.extend(known.map(|key| format!("{table}.{key}")));
    }
    let containers = [
        "web.listen",
        "sip.listen",
        "sip.domain",
        "sip.registration",
        "media.browser",
        "media.phone",
    ];
    keys.retain(|key| !containers.contains(&key.as_str()));
    keys
}

fn read(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("readable")
}
