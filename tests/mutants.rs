//! Breaks the core in known ways, one at a time in a copy, and shows which sessions of the corpus
//! notice: a corpus that lets a broken parser pass is worth nothing.
//!
//! Fails when a mutant goes unnoticed, or when a session noticed none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use tempfile::TempDir;

/// Shows which sessions of the corpus notice which mutants. Prints a table.
#[derive(Parser)]
struct Arguments {
    /// Sessions that `core::golden::export` made, a folder each.
    sessions: PathBuf,
    /// Only mutants with this in their names.
    #[arg(default_value = "")]
    only: String,
    /// Where the copies are built; kept, so that the next run is quicker.
    #[arg(long, default_value = "target/mutants")]
    target: PathBuf,
}

/// A way to break the core: a part of a file of it, and what comes in its place.
struct Mutant {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let copy = TempDir::with_prefix("mutants-")?;
    copy_repository(copy.path())?;
    let corpus = Corpus {
        root: copy.path(),
        sessions: arguments.sessions.canonicalize()?,
        target: env::current_dir()?.join(&arguments.target),
    };
    let healthy = corpus.run()?;
    ensure!(healthy.values().all(|held| *held), "fail without a mutant: {:?}", failed(&healthy));
    let mut noticed: BTreeMap<String, usize> =
        healthy.keys().map(|name| (name.clone(), 0)).collect();
    let mut unnoticed = Vec::new();
    println!("| mutant | noticed by | for example |\n|---|---:|---|");
    for mutant in mutants()?.into_iter().filter(|mutant| mutant.name.contains(&arguments.only)) {
        let names = failed(&mutant.try_on(&corpus)?);
        println!("| {} | {} | {} |", mutant.name, names.len(), examples(&names));
        names.iter().for_each(|name| *noticed.entry(name.clone()).or_default() += 1);
        unnoticed.extend(names.is_empty().then_some(mutant.name));
    }
    ensure!(unnoticed.is_empty(), "noticed by no session: {unnoticed:?}");
    let idle: Vec<_> = noticed.iter().filter(|(_, count)| **count == 0).collect();
    ensure!(idle.is_empty() || !arguments.only.is_empty(), "noticed no mutant: {idle:?}");
    let least = noticed.iter().min_by_key(|(_, count)| **count).context("no sessions")?;
    println!("\n{} sessions; the one that noticed fewest: {least:?}", noticed.len());
    Ok(())
}

/// What of the repository the corpus is built from: all that is in version control.
fn copy_repository(to: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a folder above")?;
    let list = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    ensure!(list.status.success(), "git ls-files: {}", list.status);
    for name in String::from_utf8(list.stdout)?.split_terminator('\0') {
        let (from, to) = (root.join(name), to.join(name));
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a folder")?)?;
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// The corpus, built with the core in `root`.
struct Corpus<'a> {
    root: &'a Path,
    sessions: PathBuf,
    target: PathBuf,
}

impl Corpus<'_> {
    /// Builds and replays it. Which sessions gave what they must; what is not over in time did not.
    fn run(&self) -> Result<BTreeMap<String, bool>> {
        let mut build = Command::new("cargo");
        build.args(["build", "--quiet", "--locked", "--package", "sluicebox-tests", "--bin"]);
        build.args(["corpus", "--no-default-features"]).env("CARGO_TARGET_DIR", &self.target);
        let status = build.env("RUSTFLAGS", "-Awarnings").current_dir(self.root).status()?;
        ensure!(status.success(), "the copy does not build");
        let mut replay = Command::new("timeout");
        replay.arg("120").arg(self.target.join("debug/corpus")).arg(&self.sessions);
        let output = replay.stderr(Stdio::null()).output()?;
        let mut held = BTreeMap::new();
        for line in String::from_utf8(output.stdout)?.lines() {
            if let Some((what, name)) = line.split_once(' ') {
                held.insert(name.to_owned(), what == "ok");
            }
        }
        ensure!(!held.is_empty(), "the corpus did not begin: {}", output.status);
        Ok(held)
    }
}

impl Mutant {
    /// Breaks the copy, replays the corpus, and mends the copy.
    fn try_on(&self, corpus: &Corpus<'_>) -> Result<BTreeMap<String, bool>> {
        let path = corpus.root.join("core/src").join(&self.file);
        let whole = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let places = whole.matches(&self.find).count();
        ensure!(places == 1, "{}: {places} places in {}", self.name, self.file.display());
        fs::write(&path, whole.replace(&self.find, &self.replace))?;
        let held = corpus.run().with_context(|| self.name.clone());
        fs::write(&path, whole)?;
        held
    }
}

fn failed(held: &BTreeMap<String, bool>) -> Vec<String> {
    held.iter().filter(|(_, held)| !**held).map(|(name, _)| name.clone()).collect()
}

fn examples(names: &[String]) -> String {
    names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The mutants of mutants.txt: a line with the name, one with the file, then what is found and what
/// comes in its place, each behind a line of its own.
fn mutants() -> Result<Vec<Mutant>> {
    let mutant = |text: &str| -> Option<Mutant> {
        let (head, parts) = text.split_once("\n<<<<\n")?;
        let (find, replace) = parts.trim_end().strip_suffix(">>>>")?.split_once("\n====\n")?;
        let (name, file) = head.split_once('\n')?;
        let [name, find] = [name, find].map(str::to_owned);
        Some(Mutant { name, file: file.into(), find, replace: replace.trim_end().to_owned() })
    };
    let (_, blocks) = include_str!("mutants.txt").split_once("\n## ").context("no mutants")?;
    let blocks = blocks.split("\n## ");
    blocks.map(|text| mutant(text).with_context(|| format!("not a mutant: {text}"))).collect()
}
