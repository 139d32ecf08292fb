// A menu under a button: opened by click or keys, closed by Escape, a choice or a click elsewhere.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function Menu({
  label,
  children,
  align,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly align?: "end";
}) {
  const root = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event): void => {
      const { current } = root;
      if (current?.open !== true || !(event.target instanceof Node) || current.contains(event.target)) return;
      current.open = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, []);
  return (
    <details
      ref={root}
      class="menu"
      data-align={align}
      onKeyDown={(event) => {
        if (event.key === "Escape" && root.current !== null) {
          root.current.open = false;
          root.current.querySelector("summary")?.focus();
        }
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        const items = [...(root.current?.querySelectorAll<HTMLElement>(".menu-item") ?? [])];
        const at = items.indexOf(document.activeElement as HTMLElement);
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (root.current !== null) root.current.open = true;
        items[(at + step + items.length) % items.length]?.focus();
        event.preventDefault();
      }}
    >
      <summary>{label}</summary>
      <div
        class="popover"
        onClick={() => {
          if (root.current !== null) root.current.open = false;
        }}
      >
        {children}
      </div>
    </details>
  );
}

export function MenuItem({
  children,
  about,
  onPick,
}: {
  readonly children: ComponentChildren;
  readonly about?: string;
  readonly onPick: () => void;
}) {
  return (
    <button type="button" class="menu-item" onClick={onPick}>
      <span>{children}</span>
      {about !== undefined && about !== "" && <small>{about}</small>}
    </button>
  );
}
