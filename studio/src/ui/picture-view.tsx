// A picture by itself: large, what its score is made of, how its solve went, and the file with its recipe.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JudgedTerm } from "../../../src/app/live/messages.js";
import type { ShownPicture } from "../state/runs.js";
import type { Studio } from "./app.js";
import { say } from "./notes.js";
import { download } from "./download.js";
import { Inspector } from "./inspector.js";

/** The picture that is looked at. */
export const picked = signal<ShownPicture | undefined>(undefined);

export function PictureView({ studio }: { readonly studio: Studio }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const picture = picked.value;
  useEffect(() => {
    if (picture !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [picture]);
  if (picture === undefined) return null;
  const { task, index, label, logp, status, evaluations, steps, accepted, rejected, terms } = picture;
  const name = `${task} ${index}${label === "" ? "" : `, ${label}`}`;
  return (
    <dialog ref={dialog} class="picture-view" aria-label={name} onClose={() => (picked.value = undefined)}>
      <img src={picture.url} alt={name} />
      <div>
        <h2>{name}</h2>
        <dl>
          <dt>log p</dt>
          <dd>{Number.isFinite(logp) ? `${logp.toFixed(3)} nats` : "not finite"}</dd>
          <dt>solve</dt>
          <dd>
            {status}; {steps} steps ({accepted} kept, {rejected} tried again), {evaluations} evaluations
          </dd>
        </dl>
        {terms !== undefined && (
          <>
            <h3>What the heads say of each term</h3>
            <ul class="terms">
              <TermView term={terms} />
            </ul>
          </>
        )}
        <Inspector key={picture.url} picture={picture} studio={studio} />
        <div class="actions">
          <button type="button" onClick={() => download(fileName(picture), picture.png)}>
            Save PNG
          </button>
          <button type="button" onClick={() => void saveWebp(picture)}>
            Save WebP
          </button>
          <button type="button" class="primary" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        <p class="faint">
          Both carry the recipe: drop one here, or give it to lacec show; the PNG has the very pixels.
        </p>
      </div>
    </dialog>
  );
}

/** The picture as a WebP of the browser's encoder, with the same recipe inside. */
async function saveWebp(picture: ShownPicture): Promise<void> {
  try {
    const { browserCodec } = await import("../../../src/browser/codec.js");
    const codec = browserCodec();
    const png = new Uint8Array(await picture.png.arrayBuffer());
    const [image, { text }] = [await codec.decode(png), await codec.inspect(png)];
    const webp = await codec.encode(image, "webp", text);
    download(fileName(picture).replace(/png$/, "webp"), new Blob([new Uint8Array(webp)], { type: "image/webp" }));
  } catch (error) {
    say(`No WebP was made: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const MARKS: Readonly<Record<JudgedTerm["verdict"], string>> = { satisfied: "✓", not: "✗", unclear: "?" };

function TermView({ term }: { readonly term: JudgedTerm }) {
  const { text, logp, verdict, parts } = term;
  return (
    <li data-verdict={verdict}>
      <span class="mark" aria-label={verdict}>
        {MARKS[verdict]}
      </span>{" "}
      <code>{text}</code> <span class="nats">{Number.isFinite(logp) ? logp.toFixed(3) : "-∞"}</span>
      {parts.length > 0 && (
        <ul>
          {parts.map((part, k) => (
            <TermView key={k} term={part} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** The name of a picture's file. */
export function fileName({
  task,
  index,
  part,
  label,
}: Pick<ShownPicture, "task" | "index" | "part" | "label">): string {
  return `${task}-${index}${label === "" ? "" : `-${part < 0 ? "before" : part}`}.png`;
}
