// The page's side of the engine: one link, one run at a time. A run that does not stop in time when it is cancelled is stopped with whoever runs it.
// In: jobs. Out: what is told of them, as callbacks. Invariants: after `cancel` nothing of that run is told but its end, which is told at once; the engine is free, or a fresh one begins,
// within STOP_MS.
import type {
  FromEngine,
  PictureInspection,
  PicturePlace,
  Remade,
  RunJob,
  ToEngine,
} from "../../../src/app/live/messages.js";
import type { EngineChoice } from "../state/engine-choice.js";
import type { EngineLink, Hear } from "./links.js";

/** How long a run has to stop by itself. */
const STOP_MS = 80;

/** What answers one request that is no run. */
type Answer = Extract<FromEngine, { kind: "inspected" | "estimated" | "remade" }>;
type Told = Exclude<FromEngine, { kind: "opened" | "trouble" } | Answer>;
export type JobOfRun = Omit<RunJob, "id">;

export interface EngineListener {
  opening(): void;
  opened(about: { readonly name: string; readonly description: string; readonly why: readonly string[] }): void;
  trouble(message: string): void;
  told(message: Told): void;
}

export class EngineClient {
  private link: EngineLink;
  private running: RunJob | undefined;
  /** Runs that were told to stop, with what happens if they do not. */
  private readonly stopping = new Map<number, ReturnType<typeof setTimeout>>();
  /** Requests that are no runs, by their number; undefined: the engine was changed meanwhile. */
  private readonly asked = new Map<number, (answer: Answer | undefined) => void>();
  private last = 0;
  /** Of links: an earlier one is not heard any more. */
  private generation = 0;

  constructor(
    private readonly listener: EngineListener,
    private readonly links: Readonly<Record<EngineChoice["place"], (hear: Hear) => EngineLink>>,
    private choice: EngineChoice,
  ) {
    this.link = this.start();
  }

  /** Begins a run, and drops the one that goes on. Gives the number that its messages carry. */
  run(job: JobOfRun): number {
    this.cancel();
    const id = ++this.last;
    this.running = { ...job, id };
    this.link.send({ kind: "run", job: this.running, engine: this.choice.engine });
    return id;
  }

  /** Looks at a picture of a run that has ended, or says in words why it cannot. */
  inspect(job: JobOfRun, picture: PicturePlace): Promise<PictureInspection | string> {
    if (this.running !== undefined) return Promise.resolve("when the run has ended");
    const { engine } = this.choice;
    return this.ask((id) => ({ kind: "inspect", job: { ...job, id }, engine, picture })).then((answer) =>
      answer?.kind === "inspected" ? answer.found : "the engine was changed meanwhile: ask again",
    );
  }

  /** Seconds that a run would take, about; undefined if nobody can say. */
  async estimate(job: JobOfRun): Promise<number | undefined> {
    const { engine } = this.choice;
    const answer = await this.ask((id) => ({ kind: "estimate", job: { ...job, id }, engine }));
    return answer?.kind === "estimated" ? answer.found : undefined;
  }

  /** Makes the picture of a file again from the recipe in it, with the models of a project. */
  async remake(
    files: RunJob["files"],
    image: Uint8Array,
  ): Promise<{ readonly found: Remade; readonly png: Uint8Array } | string> {
    const { engine } = this.choice;
    let text = "";
    for (const byte of image) text += String.fromCharCode(byte);
    const job = { files, entry: "", inputs: {} };
    const answer = await this.ask((id) => ({ kind: "remake", job: { ...job, id }, engine, image: btoa(text) }));
    if (answer?.kind !== "remade") return "the engine was changed meanwhile";
    const { found, png } = answer;
    return typeof found === "string" ? found : { found, png };
  }

  private ask(request: (id: number) => ToEngine): Promise<Answer | undefined> {
    const id = ++this.last;
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.link.send(request(id));
    });
  }

  /** Stops the run that goes on, if one does. */
  cancel(): void {
    if (this.running === undefined) return;
    const { id } = this.running;
    this.running = undefined;
    // If it is in a piece of work that takes longer, a fresh one is ready sooner than that.
    this.stopping.set(
      id,
      setTimeout(() => this.restart(), STOP_MS),
    );
    this.link.send({ kind: "cancel", id });
    this.listener.told({ kind: "end", id, outcome: "cancelled", said: [], expectations: [], seconds: 0 });
  }

  /** Takes another engine. */
  choose(choice: EngineChoice): void {
    this.cancel();
    this.choice = choice;
    this.restart();
  }

  private restart(): void {
    this.link.close();
    for (const timer of this.stopping.values()) clearTimeout(timer);
    this.stopping.clear();
    for (const resolve of this.asked.values()) resolve(undefined);
    this.asked.clear();
    this.link = this.start();
    // A run that was asked for meanwhile went with the old one.
    if (this.running !== undefined) this.link.send({ kind: "run", job: this.running, engine: this.choice.engine });
  }

  private start(): EngineLink {
    this.listener.opening();
    const { place, engine } = this.choice;
    const own = ++this.generation;
    const link = this.links[place]((message) => {
      if (own === this.generation) this.hear(message);
    });
    link.send({ kind: "open", engine });
    return link;
  }

  private hear(message: FromEngine): void {
    if (message.kind === "opened") this.listener.opened(message);
    else if (message.kind === "trouble") this.listener.trouble(message.message);
    else if (message.kind === "inspected" || message.kind === "estimated" || message.kind === "remade") {
      this.asked.get(message.id)?.(message);
      this.asked.delete(message.id);
    } else {
      if (message.kind === "end") {
        clearTimeout(this.stopping.get(message.id));
        this.stopping.delete(message.id);
      }
      if (message.id !== this.running?.id) return;
      if (message.kind === "end") this.running = undefined;
      this.listener.told(message);
    }
  }
}
