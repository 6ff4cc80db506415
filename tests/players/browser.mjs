// Seeks in a recording as a player in a browser does: mpegts.js in Chromium, from a server that tells
// which bytes were asked for.
//
//   node browser.mjs FILE SECONDS FROM TO
//
// Bytes from FROM to TO are those that have to be passed over, or it has not sought by the index.
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { cwd, exit } from "node:process";

const [file, seconds, from, to] = process.argv.slice(2);
const modules = createRequire(join(cwd(), "package.json"));
const { chromium } = modules("playwright-core");
const script = readFileSync(modules.resolve("mpegts.js/dist/mpegts.js"));
const page = `<video id=v muted width=320></video><script src=/mpegts.js></script><script>
  const player = mpegts.createPlayer(
    { type: "flv", url: "/recording.flv", isLive: false },
    { lazyLoad: true, lazyLoadMaxDuration: 2, accurateSeek: true });
  player.on("error", (...what) => { document.title = "error: " + what.join(" "); });
  player.attachMediaElement(v);
  player.load();
</script>`;

// Slowly enough that not all has come before it seeks.
async function trickle(stream, response) {
  for await (const piece of stream) {
    if (response.destroyed) return;
    response.write(piece);
    await new Promise((next) => setTimeout(next, 100));
  }
  response.end();
}

const asked = [];
const server = createServer((request, response) => {
  if (request.url === "/") return response.writeHead(200, { "content-type": "text/html" }).end(page);
  if (request.url === "/mpegts.js") return response.end(script);
  if (request.url !== "/recording.flv") return response.writeHead(404).end();
  const size = statSync(file).size;
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "bytes=0-") ?? [];
  const range = { start: Number(start), end: end ? Number(end) : size - 1 };
  asked.push(range.start);
  response.writeHead(request.headers.range ? 206 : 200, {
    "content-length": range.end - range.start + 1,
    "content-range": `bytes ${range.start}-${range.end}/${size}`,
    "accept-ranges": "bytes",
  });
  trickle(createReadStream(file, range), response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const view = await browser.newPage();
  await view.goto(`http://127.0.0.1:${server.address().port}/`);
  const told = await view.evaluate(async (seconds) => {
    const event = (name) => new Promise((done) => v.addEventListener(name, done, { once: true }));
    if (v.readyState < 1) await event("loadedmetadata");
    const duration = v.duration;
    v.currentTime = seconds;
    await event("seeked");
    if (v.readyState < 2) await event("canplay");
    await v.play();
    while (v.currentTime < seconds + 0.5) await event("timeupdate");
    const { totalVideoFrames } = v.getVideoPlaybackQuality();
    return { duration, at: v.currentTime, frames: totalVideoFrames, size: [v.videoWidth, v.videoHeight] };
  }, Number(seconds));
  const passed = asked.some((start) => start >= Number(from) && start <= Number(to));
  console.log(JSON.stringify({ ...told, asked }));
  if (!passed || told.frames === 0) {
    console.error("the player did not seek by the index");
    exit(1);
  }
} finally {
  await browser.close();
  server.close();
}
