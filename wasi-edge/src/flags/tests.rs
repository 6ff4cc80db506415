use alloc::string::ToString;

use super::*;

fn run(form: Form, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, String> {
    let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
    let pair = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let environment: Vec<_> = environment.iter().map(pair).collect();
    parse(form, &arguments, &environment).map(|asked| match asked {
        Asked::Run(settings) => *settings,
        Asked::Say(text) => panic!("{text}"),
    })
}

#[test]
fn every_default_is_what_the_flag_takes() {
    for form in [Form::Filter, Form::Server] {
        for flag in FLAGS.iter().filter(|flag| !flag.default.is_empty()) {
            let mut settings = defaults(form);
            assert_eq!((flag.set)(&mut settings, flag.default), Ok(()), "{}", flag.name);
        }
    }
    let settings = run(Form::Server, &[], &[]).unwrap();
    assert_eq!(settings.config, Config::default());
    assert_eq!(settings.timeouts.idle, Duration::from_secs(60));
    assert_eq!(settings.listen, ["0.0.0.0:1935".parse().unwrap()]);
}

#[test]
fn arguments_win_over_the_environment() {
    let environment = [("SLUICEBOX_APP", "a,b"), ("SLUICEBOX_MAX_CONNECTIONS", "7")];
    let settings = run(Form::Server, &["--app=c", "--log", "json"], &environment).unwrap();
    assert_eq!((&*settings.apps, settings.max_connections), (&["c".to_string()][..], 7));
    assert!(settings.json && !settings.once);
    let settings = run(Form::Server, &["--app", "c", "--app=d,e"], &environment).unwrap();
    assert_eq!(settings.apps, ["c", "d", "e"]);
    assert!(run(Form::Server, &["-o", "x.flv"], &[]).unwrap().once);
}

#[test]
fn sizes_have_the_servers_units() {
    let arguments = ["--max-message", "4MiB", "--max-buffered=16 MB", "--min-chunk-size", "1K"];
    let limits = run(Form::Filter, &arguments, &[]).unwrap().config.limits;
    assert_eq!(
        (limits.message, limits.buffered, limits.smallest_chunk),
        (4 << 20, 16_000_000, 1024)
    );
}

#[test]
fn what_is_wrong_is_said_and_where() {
    for (arguments, environment, said) in [
        (&["--lisen", "x"][..], &[][..], "--lisen: no such flag; see --help"),
        (&["cam"], &[], "cam: no such flag; see --help"),
        (&["--"], &[], "--: no such flag; see --help"),
        (&["--app"], &[], "--app: NAME is missing"),
        (&["--once=1"], &[], "--once=1: takes no value"),
        (&["--listen", "1935"], &[], "--listen: 1935 is no ADDR:PORT"),
        (
            &["--max-connections=0"],
            &[],
            "--max-connections: must be from 1 to 18446744073709551615",
        ),
        (
            &["--idle-timeout", "nan"],
            &[],
            "--idle-timeout: must be more than 0 and less than a year",
        ),
        (&["--max-message", "16M"], &[], "--max-message: must be at most 16777215"),
        (&["--min-chunk-size=0"], &[], "--min-chunk-size: must be at least 1"),
        (
            &["--max-buffered", "1m"],
            &[],
            "--max-buffered: \"m\" is no unit: K, M, G, T (1024), kB, MB, GB, TB (1000)",
        ),
        (&[], &[("SLUICEBOX_LOG", "xml")], "SLUICEBOX_LOG: must be text or json"),
    ] {
        assert_eq!(run(Form::Server, arguments, environment).unwrap_err(), said);
    }
    // What means nothing to a filter is not taken.
    assert!(run(Form::Filter, &["--listen", "127.0.0.1:1935"], &[]).is_err());
}

#[test]
fn the_manual_has_every_flag_with_its_default() {
    let manual = include_str!("../../../docs/edge.md");
    for flag in FLAGS {
        let mut rows = manual.lines().filter(|line| line.starts_with("| `-"));
        let row = rows.find(|line| line.contains(&format!("`--{}", flag.name)));
        let row = row.unwrap_or_else(|| panic!("--{} is not in docs/edge.md", flag.name));
        assert!(row.contains(flag.default), "--{}: {row} has not {}", flag.name, flag.default);
    }
}
