internal import NIOCore
internal import Serving

/// The runner of each event loop, on which requests run that are cheaper than a hop.
struct LoopRunners: Sendable {
    private typealias Box = NIOLoopBoundBox<LoopRunner?>

    private let boxes: [ObjectIdentifier: Box]

    /// A runner for each loop of a group.
    init(_ group: any EventLoopGroup) {
        var boxes: [ObjectIdentifier: Box] = [:]
        for loop in group.makeIterator() {
            boxes[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeEmptyBox(eventLoop: loop)
        }
        self.boxes = boxes
    }

    /// The runner of the loop that the caller is on; nil if it is on another thread.
    func runner(of loop: any EventLoop) -> LoopRunner? {
        guard loop.inEventLoop, let box = boxes[ObjectIdentifier(loop)] else { return nil }
        if let runner = box.value { return runner }
        // The end of a round: after all that came in it was read, from every connection.
        let runner = LoopRunner { loop.execute { box.value?.run() } }
        box.value = runner
        return runner
    }
}
