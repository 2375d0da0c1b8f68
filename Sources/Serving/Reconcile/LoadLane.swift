internal import Engine

/// A thread that loads models, and the queue of those who wait for it. Models lie in the heap of
/// their thread, which lasts as long as one of them does.
struct LoadLane: Sendable {
    let queue = BlockingQueue(label: "strongroom.load")
    let thread = LastingThread(.quiet, name: "load")
}
