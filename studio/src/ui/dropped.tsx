// The picture that was dropped and the same made again here, side by side, with how far they are apart.
import { apartText, droppedPicture, forgetDropped } from "../state/dropped.js";

export function Dropped() {
  const now = droppedPicture.value;
  if (now === undefined) return null;
  const { name, url, made } = now;
  return (
    <section class="dropped" aria-label="The picture that was dropped">
      <h2>{name}, and the same made here</h2>
      <div class="pair">
        <img src={url} alt={`${name} as it came`} />
        {typeof made === "object" && !made.found.isFilm && <img src={made.url} alt={`${name} made again here`} />}
      </div>
      <p role="status">
        {made === undefined
          ? "It is made again, by its own seed and number ..."
          : typeof made === "string"
            ? `It is not made again here: ${made}`
            : made.found.isFilm
              ? "A film is not made again here; lacec reproduce does."
              : `Made again here: ${apartText(made.found)}.`}
      </p>
      {typeof made === "object" && made.found.differences.map((d) => <p class="faint">{d}</p>)}
      <button type="button" onClick={() => forgetDropped()}>
        Done
      </button>
    </section>
  );
}
