//! How each server is started, so that it records every stream to FLV.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// Where a server listens, and where it may write.
pub(crate) struct Place<'a> {
    pub(crate) addr: SocketAddr,
    /// For recordings, and nothing else.
    pub(crate) recordings: &'a Path,
    /// For what a server needs besides.
    pub(crate) work: &'a Path,
    /// The name of the only stream, for servers that take one.
    pub(crate) stream: &'a str,
}

/// A server to be measured.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    /// Takes media without any protocol around it.
    pub(crate) raw: bool,
    /// Takes one stream, and ends with it.
    pub(crate) single: bool,
    /// Takes several times as long as others.
    pub(crate) slow: bool,
    /// The program, or why it cannot be had.
    find: fn() -> Result<PathBuf>,
    command: fn(&Path, &Place<'_>) -> Result<Command>,
}

/// All of them. The first is what the others are measured by.
pub(crate) const ADAPTERS: &[Adapter] = &[
    Adapter { raw: true, ..many("rawsink", || beside("drive"), rawsink) },
    many("native", || beside("sluicebox"), sluicebox),
    many("sandboxed", || beside("sluicebox-host"), sluicebox),
    Adapter { slow: true, ..many("nginx-rtmp", nginx_with_rtmp, nginx) },
    many("rec-rml", || recorder("rec-rml"), address_and_folder),
    many("rec-rtmp-runtime", || recorder("rec-rtmp-runtime"), address_and_folder),
    Adapter { slow: true, ..many("node-media-server", node_media_server, node) },
    many("srs", || installed("srs", "SRS"), srs),
    Adapter {
        single: true,
        slow: true,
        ..many("ffmpeg -listen", || installed("ffmpeg", "ffmpeg"), ffmpeg)
    },
];

const fn many(
    name: &'static str,
    find: fn() -> Result<PathBuf>,
    command: fn(&Path, &Place<'_>) -> Result<Command>,
) -> Adapter {
    Adapter { name, raw: false, single: false, slow: false, find, command }
}

impl Adapter {
    /// The server's program.
    ///
    /// # Errors
    ///
    /// Why it cannot be had.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        (self.find)()
    }

    /// The command that starts it.
    pub(crate) fn command(&self, program: &Path, place: &Place<'_>) -> Result<Command> {
        (self.command)(program, place)
    }
}

/// A program of this build.
fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    program.is_file().then_some(program).with_context(|| format!("`{name}` is not built"))
}

/// A program of bench/peers.
fn recorder(name: &str) -> Result<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/target/release");
    let program = Path::new(folder).join(name);
    program.is_file().then_some(program).with_context(|| format!("`{name}` is not built"))
}

/// A program that is installed; a variable with its name in capitals says where, if not in the path.
fn installed(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os(variable.to_uppercase()) {
        return Ok(program.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = places.find(|place| place.join(name).is_file());
    Ok(found.with_context(|| format!("no `{name}` is installed"))?.join(name))
}

fn rawsink(program: &Path, place: &Place<'_>) -> Result<Command> {
    let mut command = Command::new(program);
    command.args(["--drive", "rawsink", "--listen", &place.addr.to_string(), "--dir"]);
    command.arg(place.recordings);
    Ok(command)
}

/// With its defaults, but that it never ends a connection by itself, and takes all from one address.
fn sluicebox(program: &Path, place: &Place<'_>) -> Result<Command> {
    let mut command = Command::new(program);
    command.args(["--quiet", "--max-connections", "20000", "--max-per-address", "20000"]);
    command.args(["--publish-timeout", "3600", "--idle-timeout", "3600"]);
    command.args(["--listen", &place.addr.to_string(), "--record-dir"]).arg(place.recordings);
    Ok(command)
}

fn address_and_folder(program: &Path, place: &Place<'_>) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg(place.addr.to_string()).arg(place.recordings);
    Ok(command)
}

/// Debian's module.
const NGINX_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

fn nginx_with_rtmp() -> Result<PathBuf> {
    let module = Path::new(NGINX_MODULE).is_file();
    module.then_some(()).context("libnginx-mod-rtmp is not installed")?;
    installed("nginx", "NGINX")
}

fn nginx(program: &Path, place: &Place<'_>) -> Result<Command> {
    let (work, dir) = (place.work.display(), place.recordings.display());
    let config = place.work.join("nginx.conf");
    fs::write(
        &config,
        format!(
            "load_module {NGINX_MODULE};
daemon off; user root; worker_processes 2; worker_rlimit_nofile 30000;
pid {work}/nginx.pid; error_log stderr error;
events {{ worker_connections 20000; }}
rtmp {{ access_log off; max_message 16M; server {{
  listen {}; chunk_size 4096;
  application live {{ live on; record all; record_path {dir}; record_unique off; }}
}} }}
",
            place.addr
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("-p").arg(place.work).arg("-c").arg(config);
    Ok(command)
}

/// Where bench/peers.sh installs it.
const NODE_MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node_modules");

fn node_media_server() -> Result<PathBuf> {
    let module = Path::new(NODE_MODULES).join("node-media-server").is_dir();
    module.then_some(()).context("the npm package is not installed")?;
    installed("node", "NODE")
}

fn node(program: &Path, place: &Place<'_>) -> Result<Command> {
    let config = place.work.join("nms.json");
    fs::write(
        &config,
        format!(
            r#"{{ "bind": "{}", "rtmp": {{ "port": {} }}, "record": {{ "auto": true, "path": {:?} }},
  "store": {{ "path": "{}/store" }}, "webadmin": {{ "enable": false }},
  "auth": {{ "play": false, "publish": false, "secret": "none" }} }}"#,
            place.addr.ip(),
            place.addr.port(),
            place.recordings,
            place.work.display(),
        ),
    )?;
    let mut command = Command::new(program);
    command.arg(Path::new(NODE_MODULES).join("node-media-server/bin/app.js"));
    command.arg("-c").arg(config);
    Ok(command)
}

fn srs(program: &Path, place: &Place<'_>) -> Result<Command> {
    let config = place.work.join("srs.conf");
    fs::write(
        &config,
        format!(
            "listen {}; daemon off; max_connections 20000; pid {work}/srs.pid;
srs_log_tank file; srs_log_file {work}/srs.log;
vhost __defaultVhost__ {{ dvr {{ enabled on; dvr_path {dir}/[stream].flv; dvr_plan session; }} }}
",
            place.addr.port(),
            work = place.work.display(),
            dir = place.recordings.display(),
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("-c").arg(config);
    Ok(command)
}

fn ffmpeg(program: &Path, place: &Place<'_>) -> Result<Command> {
    let mut command = Command::new(program);
    command.args(["-nostdin", "-loglevel", "error", "-y", "-f", "flv", "-listen", "1", "-i"]);
    command.arg(format!("rtmp://{}/live/{}", place.addr, place.stream));
    command.args(["-map", "0", "-c", "copy", "-f", "flv"]);
    command.arg(place.recordings.join(format!("{}.flv", place.stream)));
    Ok(command)
}
