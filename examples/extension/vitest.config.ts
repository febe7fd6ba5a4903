// Vitest would take that of a folder above, like the repository's.
export default {};
