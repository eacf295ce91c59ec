"use strict";
(() => {
  const words = { a: "added", r: "removed", c: "changed" };
  const step = 300; // how many names of a folder are drawn at once
  const deepest = 64; // how many folders in one another are opened at once

  const element = (tag, className, text) => {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  const bytes = (n) => {
    const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let i = 0;
    while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
    return (i > 0 && n < 9.95 ? n.toFixed(1) : Math.round(n)) + " " + units[i];
  };
  const signed = (n) => (n === 0 ? "" : (n < 0 ? "\u2212" : "+") + bytes(Math.abs(n)));

  // A node is a name in a folder. What differs there is in row: a name, a kind, a
  // type, the sizes before and after, what changed, its values, and its text.
  const makeNode = (name, parent) => ({ name, parent, kids: null, row: null, a: 0, r: 0, c: 0, grow: 0, hit: 0, open: false });

  const child = (node, name) => {
    if (!node.kids) node.kids = new Map();
    let kid = node.kids.get(name);
    if (!kid) node.kids.set(name, (kid = makeNode(name, node)));
    return kid;
  };

  const put = (folder, row) => {
    let node = row[0] === "." && !folder.parent ? folder : child(folder, row[0]);
    if (node.row) { // two names that look the same
      node = makeNode(row[0], folder);
      folder.kids.set(row[0] + "/" + folder.kids.size, node);
    }
    node.row = row;
    for (let n = node; n; n = n.parent) {
      n[row[1]]++;
      n.grow += row[4] - row[3];
    }
  };

  const load = (id) => {
    const root = makeNode("/", null);
    for (const script of document.querySelectorAll("script.rows")) {
      if (script.dataset.tree !== id) continue;
      for (const [path, rows] of JSON.parse(script.textContent)) {
        let folder = root;
        if (path !== "") for (const name of path.split("/")) folder = child(folder, name);
        for (const row of rows) put(folder, row);
      }
      script.remove();
    }
    return root;
  };

  // inside gives what the filter lets through of a folder.
  const inside = (node) => (node.kids ? [...node.kids.values()].filter((k) => k.hit > 0) : []);

  const start = (tree) => {
    const root = load(tree.id);
    const box = tree.parentElement;
    const search = box.querySelector(".search");
    const shown = box.querySelector(".shown");
    const kinds = new Set(["a", "r", "c"]);
    let query = "";

    // count marks what the filter lets through: for each node, how many below.
    const count = (node, path) => {
      node.hit = node.row && kinds.has(node.row[1]) && path.toLowerCase().includes(query) ? 1 : 0;
      if (node.kids) for (const kid of node.kids.values()) node.hit += count(kid, (path === "/" ? "" : path) + "/" + kid.name);
      return node.hit;
    };

    // chain joins folders that have nothing but one folder in them.
    const chain = (node) => {
      let label = node.name;
      while (!node.row) {
        const kids = inside(node);
        if (kids.length !== 1 || !kids[0].kids) break;
        node = kids[0];
        label += "/" + node.name;
      }
      return [node, label];
    };

    const nameOf = (label, folder) => {
      const name = element("span", folder ? "name folder" : "name");
      const at = query && label.toLowerCase().indexOf(query);
      if (query && at >= 0) {
        name.append(label.slice(0, at), element("mark", "", label.slice(at, at + query.length)), label.slice(at + query.length));
      } else {
        name.append(label);
      }
      if (folder) name.append("/");
      return name;
    };

    const line = (node, label) => {
      const out = element("div", "line");
      out.append(element("span", "twist"), nameOf(label, !!node.kids || (node.row && node.row[2] === "dir")));
      const row = node.row;
      if (row) {
        out.append(element("span", "badge " + words[row[1]], words[row[1]]));
        const tags = [row[2] === "file" || row[2] === "dir" ? "" : row[2], row[5]].filter(Boolean).join(", ");
        if (tags) out.append(element("span", "tags", tags));
      }
      if (node.kids) {
        const tally = element("span", "tally");
        for (const [kind, sign] of [["a", "+"], ["r", "\u2212"], ["c", "~"]]) {
          const n = node[kind] - (row && row[1] === kind ? 1 : 0);
          if (n) tally.append(element("i", words[kind], sign + n));
        }
        out.append(tally);
      }
      out.append(element("span", "grow", signed(node.grow)));
      return out;
    };

    const text = (t) => {
      const out = element("div");
      if (t.why) out.append(element("p", "note", t.why));
      if (t.unified) {
        const pre = element("pre", "diff");
        for (const l of t.unified.split("\n")) {
          const kind = l[0] === "+" ? "plus-line" : l[0] === "-" ? "minus-line" : l[0] === "@" ? "hunk" : "";
          pre.append(element("span", kind, l || " "));
        }
        out.append(pre);
      }
      if (t.cut) out.append(element("p", "more", "And " + t.cut + " more lines."));
      return out;
    };

    const detail = (row) => {
      const out = element("div", "detail");
      if (row[6]) {
        const table = element("table");
        for (const [label, before, after] of row[6]) {
          const tr = element("tr");
          const th = element("th", "", label);
          th.scope = "row";
          const td = element("td");
          if (before) td.append(element("bdi", "", before));
          if (before && after) td.append(" \u2192 ");
          if (after) td.append(element("bdi", "", after));
          tr.append(th, td);
          table.append(tr);
        }
        out.append(table);
      }
      if (row[7]) out.append(text(row[7]));
      return out;
    };

    // items draws the names of a folder, some at once, into list.
    const items = (node, list, level, from) => {
      const kids = inside(node);
      kids.slice(from, from + step).forEach((kid) => list.append(item(kid, level)));
      const rest = kids.length - from - step;
      if (rest <= 0) return;
      const li = element("li");
      li.setAttribute("role", "none");
      const more = element("button", "further", "Show " + Math.min(rest, step) + " of " + rest + " more");
      more.type = "button";
      more.addEventListener("click", () => { li.remove(); items(node, list, level, from + step); });
      li.append(more);
      list.append(li);
    };

    const item = (first, level) => {
      const [node, label] = chain(first);
      const li = element("li");
      li.setAttribute("role", "treeitem");
      li.setAttribute("aria-level", level);
      li.tabIndex = -1;
      li.node = node;
      li.append(line(node, label));
      if (node.kids || (node.row && (node.row[6] || node.row[7]))) {
        li.classList.add("has-more");
        toggle(li, node.open, level);
      }
      return li;
    };

    // toggle opens or closes a name: what lies in it, or what changed of it.
    const toggle = (li, open) => {
      const node = li.node;
      node.open = open;
      li.setAttribute("aria-expanded", open);
      while (li.children.length > 1) li.lastChild.remove();
      if (!open) return;
      if (node.row && (node.row[6] || node.row[7])) li.append(detail(node.row));
      if (node.kids) {
        const list = element("ul");
        list.setAttribute("role", "group");
        items(node, list, Number(li.getAttribute("aria-level")) + 1, 0);
        li.append(list);
      }
    };

    const each = (node, visit) => {
      visit(node);
      if (node.kids) for (const kid of node.kids.values()) each(kid, visit);
    };

    // unfold opens folders, level by level, while they show no more than limit names.
    const unfold = (limit) => {
      each(root, (n) => { n.open = false; });
      let folders = [root];
      let total = 0;
      for (let depth = 0; folders.length && depth < deepest; depth++) {
        const next = [];
        for (const folder of folders) {
          const kids = inside(folder);
          total += kids.length;
          if (total > limit && folder !== root) return;
          folder.open = true;
          for (const kid of kids) {
            const [node] = chain(kid);
            if (node.kids) next.push(node);
          }
        }
        folders = next;
      }
    };

    const draw = () => {
      tree.replaceChildren();
      if (root.row && root.hit > 0) {
        const li = element("li");
        li.setAttribute("role", "treeitem");
        li.setAttribute("aria-level", 1);
        li.tabIndex = -1;
        li.node = { ...root, kids: null, grow: 0, open: false };
        li.append(line(li.node, "/"));
        if (root.row[6]) { li.classList.add("has-more"); toggle(li, false); }
        tree.append(li);
      }
      if (root.kids) items(root, tree, 1, 0);
      if (tree.querySelector("li[role=treeitem]")) tree.querySelector("li[role=treeitem]").tabIndex = 0;
      const all = root.a + root.r + root.c;
      const some = (n) => n.toLocaleString("en") + (n === 1 ? " path" : " paths");
      shown.textContent = root.hit === all ? some(all) : root.hit.toLocaleString("en") + " of " + some(all);
    };

    const apply = () => {
      count(root, "/");
      unfold(query !== "" || kinds.size < 3 ? 200 : 40);
      draw();
    };

    const focus = (li) => {
      for (const old of tree.querySelectorAll("li[tabindex='0']")) old.tabIndex = -1;
      li.tabIndex = 0;
      li.focus();
    };

    const keys = (event) => {
      const li = event.target.closest("li[role=treeitem]");
      if (!li || event.target !== li || event.ctrlKey || event.altKey || event.metaKey) return;
      const all = [...tree.querySelectorAll("li[role=treeitem]")];
      const at = all.indexOf(li);
      const expanded = li.getAttribute("aria-expanded");
      const inner = li.querySelector("li[role=treeitem]");
      const outer = li.parentElement.closest("li[role=treeitem]");
      switch (event.key) {
        case "ArrowDown": if (all[at + 1]) focus(all[at + 1]); break;
        case "ArrowUp": if (at > 0) focus(all[at - 1]); break;
        case "Home": focus(all[0]); break;
        case "End": focus(all[all.length - 1]); break;
        case "ArrowRight": if (expanded === "false") toggle(li, true); else if (inner) focus(inner); break;
        case "ArrowLeft": if (expanded === "true") toggle(li, false); else if (outer) focus(outer); break;
        case "Enter": case " ": if (expanded) toggle(li, expanded === "false"); break;
        default: return;
      }
      event.preventDefault();
    };

    tree.addEventListener("keydown", keys);
    tree.addEventListener("click", (event) => {
      const at = event.target.closest(".line");
      if (!at || String(getSelection())) return;
      const li = at.parentElement;
      const expanded = li.getAttribute("aria-expanded");
      if (expanded) toggle(li, expanded === "false");
      focus(li);
    });
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { query = search.value.trim().toLowerCase(); apply(); }, 120);
    });
    for (const button of box.querySelectorAll("[data-kind]")) {
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", on);
        if (on) kinds.add(button.dataset.kind); else kinds.delete(button.dataset.kind);
        apply();
      });
    }
    box.querySelector("[data-do=open]").addEventListener("click", () => { unfold(5000); draw(); });
    box.querySelector("[data-do=close]").addEventListener("click", () => { each(root, (n) => { n.open = false; }); draw(); });
    tree.show = (path) => {
      search.value = path === "/" ? "" : path + "/";
      query = search.value.toLowerCase();
      apply();
      tree.closest("section").scrollIntoView({ block: "start" });
      const first = tree.querySelector("li[role=treeitem]");
      if (first) focus(first);
    };
    apply();
  };

  for (const tree of document.querySelectorAll(".tree")) start(tree);
  for (const button of document.querySelectorAll(".goto")) {
    const tree = document.getElementById(button.dataset.tree);
    if (tree) button.addEventListener("click", () => tree.show(button.dataset.path));
    else button.disabled = true;
  }
})();
