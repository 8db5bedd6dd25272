// find("id") -> the element of the page; element("li", {className: "row"}, child, "text") -> a new one. No text becomes HTML.

export const find = id => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Options of a select, as [value, text] pairs.
export const fill = (select, options) => select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
