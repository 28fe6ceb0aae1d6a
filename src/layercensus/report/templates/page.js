// Sorting and searching of unit tables, and the sliders' picture. Without it, pages keep all their numbers.
(function () {
  function value(row, column) {
    var text = row.cells[column].textContent.trim();
    if (text === "–" || text === "") return null;
    return /^[-+]?[\d.]+(e[-+]?\d+)?( \[.*\])?$/i.test(text) ? parseFloat(text) : text;
  }
  function compare(a, b) {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1; // what is missing stays last
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }
  function sortable(table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var body = table.tBodies[0];
        var rows = Array.from(body.rows).map(function (row) { return [value(row, column), row]; });
        rows.sort(function (a, b) {
          var missing = a[0] === null || b[0] === null;
          return down && !missing ? compare(b[0], a[0]) : compare(a[0], b[0]);
        });
        body.append.apply(body, rows.map(function (pair) { return pair[1]; }));
      });
    });
  }
  function wordsOf(row) {
    if (row.dataset.words === undefined) {
      var shown = Array.from(row.querySelectorAll("img"), function (image) { return image.alt; });
      row.dataset.words = row.textContent + " " + shown.join(" ");
    }
    return row.dataset.words;
  }
  function explained(table) { // a cell has its heading's title, a picture its own text
    var heads = table.tHead ? Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells) : [];
    table.addEventListener("mouseover", function (event) {
      var cell = event.target.closest("td"), image = event.target.closest("img[alt]");
      if (image) image.title = image.alt;
      else if (cell && !cell.title && heads[cell.cellIndex]) cell.title = heads[cell.cellIndex].title;
    });
  }
  function searchable(input) {
    var table = document.getElementById(input.getAttribute("aria-controls"));
    var output = document.getElementById(input.getAttribute("aria-describedby"));
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var matching = 0;
      Array.from(table.tBodies[0].rows).forEach(function (row) {
        var text = wordsOf(row).toLowerCase();
        row.hidden = !words.every(function (word) { return text.includes(word); });
        matching += row.hidden ? 0 : 1;
      });
      output.textContent = matching + " of " + table.tBodies[0].rows.length + " rows";
    });
  }
  function carded(table) { // on a phone each row is a card, and each cell says what it is
    var heads = Array.from(table.tHead.rows[0].cells, function (head) { return head.textContent; });
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      Array.from(row.cells).forEach(function (cell, column) { cell.dataset.head = heads[column]; });
    });
  }
  var MOST = 50; // units that a search lists
  function finding(input) { // over all units of a report; their words are fetched when someone asks
    var list = document.getElementById(input.getAttribute("aria-controls")), many = document.getElementById("found-many");
    var units = null, asked = false, all = many.textContent;
    function read() {
      units = [];
      window.layercensusUnits.forEach(function (layer) {
        layer[3].forEach(function (words, unit) {
          var name = layer[0] + " unit " + unit;
          units.push([(name + " " + words).toLowerCase(), name, layer[1] + (layer[2] ? "#unit-" + unit : ""), words, unit]);
        });
      });
      find();
    }
    function find() {
      var number = /(?:^|\s)unit\s+(\d+)/i.exec(input.value); // "unit 3" is the third of each layer, and no layer "3"
      var rest = number ? input.value.replace(number[0], " ") : input.value;
      var words = rest.toLowerCase().split(/\s+/).filter(Boolean);
      var matching = words.length || number ? units.filter(function (unit) {
        return (!number || unit[4] === Number(number[1])) && words.every(function (word) { // a number is a whole number, a word may be a part of one
          return /^\d+$/.test(word) ? (" " + unit[0].replace(/[^a-z0-9]+/g, " ") + " ").includes(" " + word + " ") : unit[0].includes(word);
        });
      }) : [];
      many.textContent = words.length || number ? matching.length + " of " + units.length + (matching.length > MOST ? ", the first " + MOST + " shown" : "") : all;
      list.replaceChildren.apply(list, matching.slice(0, MOST).map(function (unit) {
        var item = document.createElement("li"), link = document.createElement("a");
        link.href = unit[2]; link.textContent = unit[1];
        item.append(link, " " + unit[3]);
        return item;
      }));
    }
    function ask() {
      if (units) return find();
      if (asked) return;
      asked = true;
      var script = document.createElement("script");
      script.src = input.dataset.index; script.onload = read;
      document.head.append(script);
    }
    input.addEventListener("focus", ask);
    input.addEventListener("input", ask);
  }
  document.querySelectorAll("table").forEach(explained);
  if (window.matchMedia("(max-width: 600px)").matches) document.querySelectorAll("table.cards").forEach(carded);
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("input[type=search]:not([data-index])").forEach(searchable);
  document.querySelectorAll("input[data-index]").forEach(finding);
  document.addEventListener("DOMContentLoaded", function () { // Vega is large: the page is read and searched before it
    document.querySelectorAll("script[type='application/vega-lite+json']").forEach(function (script) {
      if (!window.vegaEmbed) return;
      var target = document.getElementById(script.dataset.into);
      vegaEmbed(target, JSON.parse(script.textContent), {
        renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false },
      }).then(function () {
        target.querySelectorAll("summary").forEach(function (menu) { menu.setAttribute("aria-label", "save this picture"); });
      });
    });
  });
})();
