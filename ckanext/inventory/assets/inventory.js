/* Small helps for the inventory's pages. Every page works without them.
 *
 * - data-inv-select-all="name": a box that ticks all boxes of that name in its form
 * - data-inv-count="name": shows how many boxes of that name are ticked
 * - form[data-inv-unsaved]: asks before leaving with changes that aren't saved
 * - form[data-inv-decide]: single keys choose a decision, Ctrl+Enter sends it
 * - [data-inv-show-if]: shown while the named field has one of the values
 * - .inv-tabs: the open page's tab is scrolled into view on narrow screens
 * - textarea, [data-inv-most]: says at once when a text is too long, instead of cutting it off
 * - [data-inv-most-mb]: says at once when a file is too big
 * - form[data-inv-focus]: its first field is ready to be typed into
 * - every form is sent once only, however often its button is clicked
 * - [data-inv-watch="seconds"]: is fetched anew until it is gone, then the page is
 * - [data-inv-js]: says something that is only true with scripts
 */
(function () {
  "use strict";

  var TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

  function boxes(form, name) {
    return Array.prototype.slice.call(
      form.querySelectorAll('input[type=checkbox][name="' + name + '"]')
    );
  }

  function selections(form) {
    form.querySelectorAll("[data-inv-select-all]").forEach(function (all) {
      var name = all.getAttribute("data-inv-select-all");
      all.hidden = false;
      function show() {
        var list = boxes(form, name);
        var ticked = list.filter(function (box) { return box.checked; });
        all.checked = ticked.length > 0 && ticked.length === list.length;
        all.indeterminate = ticked.length > 0 && ticked.length < list.length;
        list.forEach(function (box) {
          var row = box.closest("tr, .inv-q");
          if (row) { row.classList.toggle("sel", box.checked); }
        });
        document.querySelectorAll('[data-inv-count="' + name + '"]').forEach(function (count) {
          count.textContent = String(ticked.length);
          var bar = count.closest(".inv-bulk");
          if (bar) { bar.classList.toggle("on", ticked.length > 0); }
        });
      }
      all.addEventListener("change", function () {
        boxes(form, name).forEach(function (box) { box.checked = all.checked; });
        show();
      });
      form.addEventListener("change", show);
      show();
    });
  }

  function warnUnsaved(form) {
    var dirty = false;
    form.addEventListener("input", function () { dirty = true; });
    form.addEventListener("submit", function () { dirty = false; });
    window.addEventListener("beforeunload", function (event) {
      if (dirty) { event.preventDefault(); }
    });
  }

  function decideByKey(form) {
    document.addEventListener("keydown", function (event) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit(form.querySelector("[data-inv-default]"));
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPING)) {
        return;
      }
      var key = event.key.toLowerCase();
      var link = document.querySelector(
        'a[data-inv-key="' + key + '"], button[data-inv-key="' + key + '"]'
      );
      if (link) { link.click(); return; }
      var choice = form.querySelector('input[data-inv-key="' + key + '"]');
      if (!choice) { return; }
      event.preventDefault();
      choice.checked = true;
      choice.dispatchEvent(new Event("change", { bubbles: true }));
      var field = choice.closest(".inv-opt").querySelector("textarea, input[type=text], select");
      if (field) { field.focus(); } else { choice.focus(); }
    });
    function show() {
      form.querySelectorAll(".inv-opt").forEach(function (option) {
        var radio = option.querySelector("input[type=radio]");
        var on = Boolean(radio && radio.checked);
        option.classList.toggle("on", on);
        var inside = option.querySelector(".in");
        if (inside) { inside.hidden = !on; }
        if (on) {
          var label = radio.getAttribute("data-inv-effect");
          var button = form.querySelector("[data-inv-default]");
          if (label && button) { button.textContent = label; }
        }
      });
    }
    form.addEventListener("change", show);
    show();
  }

  function watch(part) {
    window.setTimeout(function () {
      fetch(window.location.href, { credentials: "same-origin" })
        .then(function (answer) { return answer.text(); })
        .then(function (text) {
          var page = new DOMParser().parseFromString(text, "text/html");
          var fresh = page.getElementById(part.id);
          if (!fresh) { window.location.reload(); return; }
          part.innerHTML = fresh.innerHTML;
          var stop = document.querySelector("[data-inv-stop]");
          if (stop && !page.querySelector("[data-inv-stop]")) { stop.remove(); }
          watch(part);
        })
        .catch(function () { watch(part); });
    }, Number(part.getAttribute("data-inv-watch")) * 1000);
  }

  function showIf(scope) {
    var parts = scope.querySelectorAll("[data-inv-show-if]");
    if (!parts.length) { return; }
    function show() {
      parts.forEach(function (part) {
        var rule = part.getAttribute("data-inv-show-if").split("=");
        var wanted = rule[1].split("|");
        var field = scope.querySelector(
          '[name="' + rule[0] + '"]:checked, select[name="' + rule[0] + '"]'
        );
        part.hidden = !field || wanted.indexOf(field.value) === -1;
      });
    }
    scope.addEventListener("change", show);
    show();
  }

  function sayAt(field, text) {
    var note = field.parentNode.querySelector("[data-inv-note]");
    if (!note && text) {
      note = document.createElement("div");
      note.className = "err";
      note.setAttribute("data-inv-note", "");
      note.setAttribute("role", "alert");
      field.insertAdjacentElement("afterend", note);
    }
    if (note) { note.textContent = text; note.hidden = !text; }
    field.setCustomValidity(text);
  }

  function limits(form) {
    var main = form.closest(".inv");
    function words(name, over, most) {
      return main.getAttribute(name)
        .replace("{n}", over.toLocaleString()).replace("{most}", most.toLocaleString());
    }
    form.addEventListener("input", function (event) {
      var field = event.target;
      if (!field.matches("textarea, input[data-inv-most]")) { return; }
      var most = Number(field.getAttribute("data-inv-most") || main.getAttribute("data-inv-most"));
      // As the server counts: characters, not UTF-16 units, without white space around them.
      var over = Array.from(field.value.trim()).length - most;
      sayAt(field, over > 0 ? words("data-inv-too-long", over, most) : "");
    });
    form.addEventListener("change", function (event) {
      var field = event.target;
      if (!field.matches("input[type=file][data-inv-most-mb]")) { return; }
      var most = Number(field.getAttribute("data-inv-most-mb"));
      var size = field.files.length ? field.files[0].size / 1000000 : 0;
      // CKAN counts in units of 1,048,576 bytes; nothing that it takes is stopped here.
      var big = most > 0 && size > most * 1.048576;
      sayAt(field, big ? words("data-inv-too-big", Math.ceil(size), most) : "");
    });
  }

  function once(form) {
    var sent = false;
    form.addEventListener("submit", function (event) {
      if (sent) { event.preventDefault(); return; }
      if (event.defaultPrevented || form.method !== "post") { return; }
      var button = event.submitter;
      // A download leaves the page where it is.
      if (form.hasAttribute("data-inv-again") || (button && button.hasAttribute("data-inv-again"))) {
        return;
      }
      sent = true;
      form.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", function () {
      sent = false;
      form.removeAttribute("aria-busy");
    });
  }

  function showTab() {
    var active = document.querySelector(".inv-tabs .nav-tabs .active");
    var row = active && active.closest("nav");
    if (row) { row.scrollLeft = active.offsetLeft + active.offsetWidth - row.clientWidth; }
  }

  document.addEventListener("DOMContentLoaded", function () {
    showTab();
    document.querySelectorAll("[data-inv-watch]").forEach(watch);
    document.querySelectorAll("[data-inv-js]").forEach(function (part) { part.hidden = false; });
    document.querySelectorAll(".inv form").forEach(function (form) {
      selections(form);
      showIf(form);
      limits(form);
      once(form);
      if (form.hasAttribute("data-inv-focus")) {
        form.querySelector("select, textarea, input:not([type=hidden])").focus();
      }
      if (form.hasAttribute("data-inv-unsaved")) { warnUnsaved(form); }
      if (form.hasAttribute("data-inv-decide")) { decideByKey(form); }
    });
  });
})();
