"use strict";
/* Keeps a served page at its newest: asks its own server, and nobody else, every few seconds.
   A page on the disk reads itself again while its night goes on. */
(() => {
  const root = document.documentElement, every = 1000 * Number(root.dataset.every);
  const open = () => [...document.querySelectorAll("details")].map((one) => one.open);

  function put(text) {
    const page = new DOMParser().parseFromString(text, "text/html"), were = open();
    for (const id of ["page", "figures"])
      document.getElementById(id).replaceWith(document.adoptNode(page.getElementById(id)));
    document.title = page.title;
    document.querySelectorAll("details").forEach((one, i) => { one.open = were[i] || false; });
    root.dataset.over = page.documentElement.dataset.over;
    window.overnight.draw();
  }

  async function again() {
    try {
      const answer = await fetch(location.pathname, {cache: "no-store"});
      if (answer.ok) put(await answer.text());
      root.classList.toggle("stale", !answer.ok);
    } catch { root.classList.add("stale"); }
    later();
  }

  function later() {
    if (root.dataset.over === "yes" || root.dataset.home === "frame") return;
    setTimeout(root.dataset.home === "server" ? again : () => location.reload(), every);
  }
  later();
})();
