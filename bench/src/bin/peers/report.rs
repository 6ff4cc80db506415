//! The results as a page in Markdown.

use std::fmt::Write as _;

use sluicebox_bench::stalls::Stalls;
use sluicebox_bench::table::{self, median, spread};

use crate::adapters::{ADAPTERS, Adapter};
use crate::case::{Case, Load, Sample};
use crate::{Args, Series};

/// A case, and the runs of all servers under it.
pub(crate) type Result<'a> = (&'a Case, Vec<Series>);

/// What every run of a server came to, as ratios to the floor's run beside it.
pub(crate) fn ratios(all: &[Series], own: &Series) -> Vec<f64> {
    let Some(floor) = all.iter().find(|series| series.adapter.raw) else { return Vec::new() };
    let runs = own.samples.iter().zip(&floor.samples);
    runs.filter_map(|(own, floor)| Some(own.cost? / floor.cost?)).collect()
}

/// The whole page.
pub(crate) fn markdown(
    results: &[Result<'_>],
    missing: &[String],
    stalls: Option<Stalls>,
    args: &Args,
) -> String {
    let mut page = String::new();
    let _ = writeln!(
        page,
        "# Beside other servers\n
<!-- Made by bench/peers.sh: run it again instead of editing this. -->\n
Made by `bench/peers.sh`: {}, {}. Medians of {}, with the least and the most behind them; paced \
         publishers send for {} s. Servers and load generator share the processors, and recordings go to \
         memory. [bench/README.md](../bench/README.md) says what is measured, and how.\n",
        date(),
        table::machine_line(),
        runs(results),
        args.seconds
    );
    if args.out.is_some() {
        page += "![Time on a processor for a byte, as a ratio to a raw copy](benchmarks.svg)\n\n";
    }
    let costs: Vec<_> = results.iter().filter(|(case, _)| case.is_cost()).collect();
    if !costs.is_empty() {
        page += "### Time on a processor, as a ratio to `rawsink`, run by run\n\n";
        page += &by_case(&costs, |all, own| spread(&ratios(all, own), 2));
        page += "\n### The same in seconds for 10^9 bytes received\n\n";
        page += &by_case(&costs, |_, own| of(own, |sample| sample.cost, 2));
        page += "\n### 10^9 bytes received a second\n\n";
        page += &by_case(&costs, |_, own| of(own, |sample| sample.speed, 2));
    }
    page += "\n### Memory, waits, and what is in the recordings\n\n\
             Memory is resident memory: the system's page tables, 8 KiB for each sandbox, are not in it. ";
    page += &stalls.map(about_waits).unwrap_or_default();
    page += "\n\n";
    page += &others(results);
    if !missing.is_empty() {
        page += "\nNot measured, as they are not on this machine:\n\n";
        missing.iter().for_each(|one| page += &format!("- {one}\n"));
    }
    let failed: Vec<_> = results
        .iter()
        .flat_map(|(_, all)| all)
        .filter_map(|series| series.failed.as_ref())
        .collect();
    if !failed.is_empty() {
        page += "\nRuns that failed, after which the case was not tried again:\n\n";
        failed.iter().for_each(|one| page += &format!("- {one}\n"));
    }
    page
}

/// What the waits are to be seen beside.
fn about_waits(stalls: Stalls) -> String {
    format!(
        "Instead of publishing to `rawsink`, as many bytes go back and forth and mean nothing: the floor of \
         that wait. When all was measured, a thread on each processor that only reads the clock was stopped \
         {:.0} times a second for more than 0.2 ms, up to {:.1} ms, {:.1} % of the time.",
        stalls.per_second,
        stalls.most.as_secs_f64() * 1e3,
        stalls.share * 100.0,
    )
}

/// How many runs the cases had; those of one publisher flat out, and slow servers in them, by themselves.
fn runs(results: &[Result<'_>]) -> String {
    let of = |short: bool, slow: bool| {
        let own = |series: &&Series| !short || series.adapter.slow == slow;
        let runs = |(_, all): &Result<'_>| {
            all.iter().filter(own).map(|series| series.samples.len()).max().filter(|runs| *runs > 0)
        };
        let chosen =
            || results.iter().filter(|(case, _)| case.is_short() == short).filter_map(runs);
        Some(number(chosen().min()?, chosen().max()?))
    };
    let others = of(false, false);
    let short = of(true, false).map(|fast| match of(true, true) {
        Some(slow) => format!("{fast} with one publisher flat out ({slow} of slow servers)"),
        None => format!("{fast} with one publisher flat out"),
    });
    others.into_iter().chain(short).collect::<Vec<_>>().join(", ")
}

fn number(least: usize, most: usize) -> String {
    match (least, most) {
        (1, 1) => "1 run".to_owned(),
        (least, most) if least == most => format!("{most} runs"),
        (least, most) => format!("{least} to {most} runs"),
    }
}

fn date() -> String {
    let date = std::process::Command::new("date").args(["-u", "+%-d %B %Y"]).output();
    date.map(|date| String::from_utf8_lossy(&date.stdout).trim().to_owned()).unwrap_or_default()
}

/// A table with a row for each server and a column for each case.
fn by_case(costs: &[&Result<'_>], cell: impl Fn(&[Series], &Series) -> String) -> String {
    let mut head = vec!["server".to_owned()];
    head.extend(costs.iter().map(|(case, _)| case.name.to_owned()));
    let rows = servers(costs.iter().copied()).map(|adapter| {
        let mut row = vec![format!("`{}`", adapter.name)];
        row.extend(costs.iter().map(|(_, all)| match find(all, adapter) {
            Some(own) if !own.samples.is_empty() => cell(all, own),
            _ => "–".to_owned(),
        }));
        row
    });
    text(&head, rows.collect())
}

fn others(results: &[Result<'_>]) -> String {
    let head = [
        "server",
        "KiB for a silent publisher",
        "KiB for one of 5 Mbit/s",
        "peak MiB, 1000 flat out",
        "ms from connect to Publish.Start, median and p99",
        "ms until a tag can be read, median, p99 and most",
        "kept, at worst",
        "timestamps right, at worst",
    ];
    let head: Vec<_> = head.map(str::to_owned).to_vec();
    let rows = servers(results.iter()).map(|adapter| {
        let cell = |wanted: fn(&Case) -> bool, value: fn(&Series) -> String| {
            let found = results.iter().find(|(case, _)| wanted(case));
            let own = found.and_then(|(_, all)| find(all, adapter));
            own.filter(|own| !own.samples.is_empty()).map_or_else(|| "–".to_owned(), value)
        };
        let each = |own: &Series| of(own, |sample| sample.each, 1);
        let whole = |case: &Case| matches!(case.load, Load::FlatOut(_)) && case.connections > 1;
        let paced = |case: &Case| case.load == Load::RealTime && case.name.contains("5 Mbit");
        vec![
            format!("`{}`", adapter.name),
            cell(|case| case.load == Load::Silent, each),
            cell(paced, each),
            cell(whole, |own| of(own, |sample| sample.peak, 0)),
            cell(|case| case.load == Load::Dialogue, |own| waits(own, &[50, 99])),
            cell(|case| case.load == Load::Tail, |own| waits(own, &[50, 99, 100])),
            worst(results, adapter, |sample| {
                let verdict = sample.verdict?;
                let damaged = if verdict.damaged > 0 { 1.0 } else { 0.0 };
                Some(verdict.kept.bodies as f64 / verdict.sent.bodies as f64 - damaged / 1e6)
            }),
            worst(results, adapter, |sample| {
                let verdict = sample.verdict.filter(|_| !adapter.raw)?;
                Some(verdict.timed as f64 / verdict.kept.messages as f64)
            }),
        ]
    });
    text(&head, rows.collect())
}

/// Percentiles of the waits in all runs, each the median of the runs.
fn waits(own: &Series, percents: &[usize]) -> String {
    let at = |percent: &usize| {
        let waits = |sample: &Sample| {
            let last = sample.waits.len().checked_sub(1)?;
            Some(sample.waits[last * percent / 100])
        };
        format!("{:.2}", median(own.samples.iter().filter_map(waits).collect()))
    };
    percents.iter().map(at).collect::<Vec<_>>().join(" / ")
}

fn worst(
    results: &[Result<'_>],
    adapter: &Adapter,
    share: impl Fn(&Sample) -> Option<f64>,
) -> String {
    let own = results.iter().filter_map(|(_, all)| find(all, adapter));
    let shares = own.flat_map(|own| &own.samples).filter_map(share);
    match shares.min_by(f64::total_cmp) {
        None => "–".to_owned(),
        Some(1.0) => "100 %".to_owned(),
        Some(share) => format!("{:.4} %", share * 100.0),
    }
}

fn of(own: &Series, value: fn(&Sample) -> Option<f64>, digits: usize) -> String {
    spread(&own.samples.iter().filter_map(value).collect::<Vec<_>>(), digits)
}

fn find<'a>(all: &'a [Series], adapter: &Adapter) -> Option<&'a Series> {
    all.iter().find(|series| series.adapter.name == adapter.name)
}

/// Servers that were put under any of these.
fn servers<'a>(
    results: impl Iterator<Item = &'a Result<'a>> + Clone,
) -> impl Iterator<Item = &'static Adapter> {
    ADAPTERS
        .iter()
        .filter(move |adapter| results.clone().any(|(_, all)| find(all, adapter).is_some()))
}

fn text(head: &[String], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut table = line(head) + "|---|" + &"---:|".repeat(head.len() - 1) + "\n";
    rows.iter().for_each(|row| table += &line(row));
    table
}
