// Pieces in a process of their own, seen from that process: it draws what its parent asks for, and ends when its parent does.
// In: messages of piece-child.ts. Out: its answers.
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { UsageError } from "../../app/verb.js";
import { PieceDrawer } from "../../app/many/draw-piece.js";
import type { DrawingSettings } from "../../app/many/piece-drawing.js";
import { HopelessJob } from "../../ports/job-queue.js";
import { failure, LaceError } from "../../source/diagnostic.js";
import { nodePlatform } from "../platform.js";
import type { Answer, Ask, Fault } from "./piece-child.js";

/** Answers the parent until it is gone. */
export async function servePieces(): Promise<void> {
  const platform = nodePlatform();
  const stop = new AbortController();
  let drawer: Promise<PieceDrawer> | undefined;
  const open = async ({
    store,
    models = join(tmpdir(), "lacec-worker-models"),
    ...settings
  }: DrawingSettings): Promise<PieceDrawer> =>
    new PieceDrawer(platform, await platform.openStore(store), { ...settings, models, signal: stop.signal });
  const answer = async ({ submission, piece }: Ask): Promise<Answer> => {
    try {
      if (drawer === undefined) throw failure("L5404", "the worker asked before it said where the store is");
      return { kind: "ended", end: await (await drawer).draw(submission, piece) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", message, fault: faultOf(error) };
    }
  };
  // A terminal's Ctrl-C reaches the whole group: the parent decides what becomes of the piece.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  await new Promise<void>((resolve) => {
    process.on("disconnect", () => {
      stop.abort();
      resolve();
    });
    process.on("message", (message: DrawingSettings | Ask) => {
      if ("store" in message) {
        drawer = open(message);
        drawer.catch(() => undefined); // told to whoever asks for a piece
      } else void answer(message).then((said) => process.send?.(said));
    });
  });
  // The parent is gone: what is under way is nobody's any more.
  process.exit(0);
}

/** A disk that is full or refuses, a store, a queue or an engine that cannot be used: whatever is drawn, and on other machines perhaps not. */
const OF_THE_MACHINE = /^L(5002|5003|5201|5403|5404)$/;

function faultOf(error: unknown): Fault {
  if (error instanceof HopelessJob) return "job";
  if (error instanceof UsageError) return "machine";
  return error instanceof LaceError && error.diagnostics.some((d) => OF_THE_MACHINE.test(d.code))
    ? "machine"
    : "unknown";
}
