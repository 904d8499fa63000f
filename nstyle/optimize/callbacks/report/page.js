for (const box of document.querySelectorAll(".compare")) {
  const range = box.querySelector("input");
  const show = () => {
    box.style.setProperty("--at", range.value);
    range.setAttribute("aria-valuetext", `${range.value} % photo`);
  };
  range.addEventListener("input", show);
  show(); // browsers bring back the value of before a reload
}
