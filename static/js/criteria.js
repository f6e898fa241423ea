/* Builds a criterion by choosing, from what the evidence has; the text stays what counts. */
(() => {
  "use strict";
  const builder = document.querySelector("[data-builder]");
  const choices = JSON.parse(document.getElementById("criteria-choices").textContent);
  const at = (name) => document.getElementById(`b-${name}`);
  const quoted = (name) => (/^[\w.:-]+$/.test(name) ? name : `"${name.replace(/(["\\])/g, "\\$1")}"`);
  const fill = (select, entries) => {
    const before = select.value;
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
    if (entries.some(([value]) => value === before)) select.value = before;
  };
  const statistic = () => choices.statistics.find((one) => one.name === at("statistic").value);
  const unique = (values) => [...new Set(values)];

  const whats = () => {
    const { kind } = statistic();
    if (kind === "probe") return choices.metrics.map((name) => [name, name]);
    if (kind === "saturation") return choices.scenarios.map((name) => [name, name]);
    const steps = unique(choices.series.map(([scenario, step]) => JSON.stringify([scenario, step])));
    return steps.map((key) => [key, JSON.parse(key).join("/")]);
  };
  const phases = () => {
    if (statistic().kind === "saturation" || statistic().kind === "probe") return [["", "the whole run"]];
    const [scenario, step] = JSON.parse(at("what").value || "[]");
    const mine = choices.series.filter((one) => one[0] === scenario && one[1] === step);
    return mine.map((one) => [one[2], one[2]]);
  };
  const units = () => {
    const { unit } = statistic();
    const own = unit === "ms" ? [["ms", "ms"], ["s", "s"]] : [[unit, unit || "as it is"]];
    return [...own, ["*", "times the baseline"], ["+", "% more than the baseline"], ["-", "% less than the baseline"]];
  };
  const limit = () => {
    const amount = at("limit").value.trim().replace(",", ".") || "1";
    const unit = at("unit").value;
    if (unit === "*") return `${amount} * baseline`;
    if (unit === "+" || unit === "-") return `baseline ${unit} ${amount}%`;
    return `${amount}${unit}`;
  };
  const text = () => {
    const { name, kind } = statistic();
    const what = at("what").value;
    const chosen = kind === "probe" || kind === "saturation" ? quoted(what) : JSON.parse(what || "[]").map(quoted).join("/");
    const phase = at("phase").value ? `@${quoted(at("phase").value)}` : "";
    return `${name}(${chosen}${phase}) ${at("operator").value} ${limit()}`;
  };
  const refresh = () => {
    fill(at("what"), whats());
    fill(at("phase"), phases());
    fill(at("unit"), units());
    builder.querySelector("[data-sentence]").textContent = at("what").value ? text() : "The evidence has nothing of this kind.";
  };
  const add = () => {
    if (!at("what").value) return;
    const empty = [...document.querySelectorAll('.criteria-rows input[type="text"]')].find((one) => !one.value.trim());
    if (!empty) {
      builder.querySelector("[data-sentence]").textContent = "Every row is taken: try the criteria, and there are more.";
      return;
    }
    empty.value = text();
    empty.focus();
  };

  if (!choices.series.length) return;
  fill(at("statistic"), choices.statistics.map((one) => [one.name, one.name.replace(/_/g, " ")]));
  builder.hidden = false;
  refresh();
  builder.addEventListener("input", refresh);
  builder.querySelector("[data-add]").addEventListener("click", add);
})();
