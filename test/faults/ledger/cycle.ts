/** The members of one cycle in a directed graph, in their order; `undefined` where it has none. */
export function cycleOf<Node>(edges: ReadonlyMap<Node, ReadonlySet<Node>>): Node[] | undefined {
  const done = new Set<Node>();
  for (const start of edges.keys()) {
    // A stack of its own: paths are thousands of nodes long.
    const path: Node[] = [];
    const rest: Iterator<Node>[] = [];
    const onPath = new Set<Node>();
    const enter = (node: Node) => {
      path.push(node);
      onPath.add(node);
      rest.push((edges.get(node) ?? new Set<Node>()).values());
    };
    if (!done.has(start)) enter(start);
    while (path.length > 0) {
      const { value, done: isOver } = rest.at(-1)!.next();
      if (isOver) {
        const node = path.pop()!;
        rest.pop();
        onPath.delete(node);
        done.add(node);
      } else if (onPath.has(value)) return path.slice(path.indexOf(value));
      else if (!done.has(value)) enter(value);
    }
  }
  return undefined;
}
