// Shows one node's text at a time. Without scripts every text stands below the drawing.
"use strict";
document.documentElement.classList.add("js");

function choose(tree, node) {
  for (const other of tree.querySelectorAll(".node, .panel")) other.classList.remove("on");
  node.classList.add("on");
  document.getElementById(node.dataset.panel).classList.add("on");
}

for (const tree of document.querySelectorAll("figure.tree")) {
  const nodes = [...tree.querySelectorAll(".node")];
  nodes.forEach((node, place) => {
    node.addEventListener("click", () => choose(tree, node));
    node.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key] || 0;
      if (!step && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      const next = nodes[Math.min(Math.max(place + step, 0), nodes.length - 1)];
      next.focus();
      choose(tree, next);
    });
  });
  choose(tree, nodes[0]);
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  });
}

// What is wider than its place says so, and a keyboard can scroll it.
const watch = new ResizeObserver((entries) => entries.forEach((entry) => sayHowWide(entry.target)));
for (const frame of document.querySelectorAll(".scroll")) watch.observe(frame);

function sayHowWide(frame) {
  const wider = frame.scrollWidth > frame.clientWidth + 1;
  const hint = frame.nextElementSibling?.classList.contains("hint") ? frame.nextElementSibling : null;
  if (wider === (hint !== null)) return;
  frame.classList.toggle("wider", wider);
  if (hint) {
    hint.remove();
    frame.removeAttribute("tabindex");
    return;
  }
  frame.tabIndex = 0;
  const said = document.createElement("p");
  said.className = "hint";
  said.textContent = `scroll sideways for more ${frame.dataset.what}`;
  frame.after(said);
}

const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.classList.remove("here");
      links.get(entry.target.id)?.classList.add("here");
    }
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) seen.observe(section);
}
