// A WebTorrent tracker on a free port of 127.0.0.1. Prints one line of JSON when it is ready.
import Server from "bittorrent-tracker/server";

const server = new Server({ http: false, udp: false, ws: true, stats: false });
server.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ ready: true, port: server.ws.address().port }));
});
