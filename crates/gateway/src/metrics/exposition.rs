//! The text format of Prometheus: families, samples, histograms.

use std::fmt::Write as _;

use super::histogram::Histogram;

/// A page of metrics.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Begins a family: its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// One number. Labels are words of ours and need no escaping.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = Self::labels(labels, None);
        self.line(format_args!("{name}{labels} {value}"));
    }

    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], of: &Histogram) {
        for (bound, count) in of.cumulative() {
            let labels = Self::labels(labels, Some(&bound.to_string()));
            self.line(format_args!("{name}_bucket{labels} {count}"));
        }
        let count = of.count();
        let infinite = Self::labels(labels, Some("+Inf"));
        self.line(format_args!("{name}_bucket{infinite} {count}"));
        let labels = Self::labels(labels, None);
        self.line(format_args!("{name}_sum{labels} {}", of.sum()));
        self.line(format_args!("{name}_count{labels} {count}"));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn labels(labels: &[(&str, &str)], bound: Option<&str>) -> String {
        let bound = bound.map(|bound| ("le", bound));
        let pairs: Vec<String> = labels
            .iter()
            .copied()
            .chain(bound)
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        if pairs.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", pairs.join(","))
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a String does not fail");
    }
}
