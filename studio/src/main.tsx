// The page's very beginning: the engine starts in its worker while the rest of the page is still being read. What follows is start.tsx.
import "./styles.css";
import { beginEngine } from "./engine/early.js";

beginEngine(new URL("./models/", document.baseURI).href);
void import("./start.js");
