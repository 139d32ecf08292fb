// Pieces in a process of their own, seen from that process: it draws what its parent asks for, and ends when its parent does.
// In: messages of piece-child.ts. Out: its answers.
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { PieceDrawer } from "../../app/many/draw-piece.js";
import type { DrawingSettings } from "../../app/many/piece-drawing.js";
import { HopelessJob } from "../../ports/job-queue.js";
import { failure } from "../../source/diagnostic.js";
import { nodePlatform } from "../platform.js";
import type { Answer, Ask } from "./piece-child.js";

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
      return { kind: "failed", message, hopeless: error instanceof HopelessJob };
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
      if ("store" in message) drawer = open(message);
      else void answer(message).then((said) => process.send?.(said));
    });
  });
  // The parent is gone: what is under way is nobody's any more.
  process.exit(0);
}
