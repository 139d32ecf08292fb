// A Redis of the test's own on loopback, where redis-server is installed.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";

export interface OwnRedis {
  readonly url: string;
  /** Kills it and starts it again with what it had written. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Whether there is a redis-server: tests that need it are skipped where there is none. */
export const hasRedis = ((): boolean => {
  try {
    return execFileSync("redis-server", ["--version"], { encoding: "utf8" }).length > 0;
  } catch {
    return false;
  }
})();

/** Starts one that keeps an append-only file in `folder`. */
export async function startRedis(folder: string): Promise<OwnRedis> {
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    const server = spawn("redis-server", [...args, "--appendonly", "yes", "--appendfsync", "always", "--save", ""], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    server.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    for (let tries = 0; !said.includes("Ready to accept connections"); tries++) {
      if (tries > 200 || server.exitCode !== null) throw new Error(`redis-server does not start: ${said.slice(-500)}`);
      await setTimeout(50);
    }
    return server;
  };
  let server = await start();
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    restart: async () => {
      await kill();
      server = await start();
    },
    stop: kill,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
