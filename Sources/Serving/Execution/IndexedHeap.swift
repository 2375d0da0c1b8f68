/// An entry of a table that may be in an ``IndexedHeap``.
protocol HeapEntry {
    /// The entry's place in its heap; negative: it is in none.
    var heapPlace: Int { get set }
    /// Whether the entry leaves the heap before another one.
    func precedes(_ other: Self) -> Bool
}

/// A binary heap of indices into a table whose entries know their places in the heap.
///
/// An entry whose rank changes is moved, and any entry is removed, in O(log n).
struct IndexedHeap {
    /// The indices, in the heap's order; the first one leaves first.
    private(set) var indices: [Int] = []

    var first: Int? { indices.first }
    var isEmpty: Bool { indices.isEmpty }

    /// Adds an entry that is in no heap.
    mutating func insert<Entry: HeapEntry>(_ index: Int, in table: inout [Entry]) {
        table[index].heapPlace = indices.count
        indices.append(index)
        moveUp(from: indices.count - 1, in: &table)
    }

    /// Removes an entry.
    mutating func remove<Entry: HeapEntry>(_ index: Int, in table: inout [Entry]) {
        let place = table[index].heapPlace
        table[index].heapPlace = -1
        let last = indices.removeLast()
        guard place < indices.count else { return }
        put(last, at: place, in: &table)
        update(last, in: &table)
    }

    /// Moves an entry whose rank has changed.
    mutating func update<Entry: HeapEntry>(_ index: Int, in table: inout [Entry]) {
        moveUp(from: table[index].heapPlace, in: &table)
        moveDown(from: table[index].heapPlace, in: &table)
    }

    private mutating func moveUp<Entry: HeapEntry>(from start: Int, in table: inout [Entry]) {
        var place = start
        while place > 0 {
            let above = (place - 1) / 2
            guard table[indices[place]].precedes(table[indices[above]]) else { return }
            swap(place, above, in: &table)
            place = above
        }
    }

    private mutating func moveDown<Entry: HeapEntry>(from start: Int, in table: inout [Entry]) {
        var place = start
        while true {
            var least = place
            for below in 2 * place + 1..<2 * place + 3
            where below < indices.count && table[indices[below]].precedes(table[indices[least]]) {
                least = below
            }
            guard least != place else { return }
            swap(place, least, in: &table)
            place = least
        }
    }

    private mutating func swap<Entry: HeapEntry>(
        _ one: Int,
        _ other: Int,
        in table: inout [Entry]
    ) {
        let moved = indices[one]
        put(indices[other], at: one, in: &table)
        put(moved, at: other, in: &table)
    }

    private mutating func put<Entry: HeapEntry>(
        _ index: Int,
        at place: Int,
        in table: inout [Entry]
    ) {
        indices[place] = index
        table[index].heapPlace = place
    }
}
