import CHosting
import Engine
import EngineTesting
import Foundation
import Synchronization
import Testing
import Text

@testable import Hosting

/// A budget that counts what is taken.
final class TestBudget: ByteBudget {
    private let left: Mutex<Int>
    let limitBytes: Int

    init(_ limit: Int = 1 << 30) {
        limitBytes = limit
        left = Mutex(limit)
    }

    var taken: Int { limitBytes - left.withLock { $0 } }

    func take(_ bytes: Int) -> Bool {
        left.withLock { left in
            guard bytes <= left else { return false }
            left -= bytes
            return true
        }
    }

    func giveBack(_ bytes: Int) { left.withLock { $0 += bytes } }
}

/// A value that several threads set and read.
final class Box<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    var current: Value { value.withLock { $0 } }

    func set(_ new: Value) { value.withLock { $0 = new } }
}

/// A channel and its host in one process: the host's threads and the one that reads its control
/// socket are threads of the test.
final class TestHost: Sendable {
    let channel: HostChannel
    let budget: TestBudget
    /// How the channel had the host killed.
    let killed = Box<HostEnd?>(nil)
    private let server: ControlSocket

    init(
        _ model: any InferenceModel,
        ringBytes: Int = 1 << 20,
        lanes: Int = 1,
        budget: Int = 1 << 30
    ) throws {
        self.budget = TestBudget(budget)
        channel = try HostChannel(ringBytes: ringBytes, lanes: lanes, budget: self.budget)
        let (server, host) = try socketPair()
        self.server = server
        let killed = killed
        channel.attach(server) { killed.set($0) }
        let hostLanes = try HostLanes(memoryDescriptor: dup(channel.memoryDescriptor))
        precondition(hostLanes.startThreads(), "the system starts no thread for a lane")
        hostLanes.serve(model)
        WorkerThread.start("control") {
            while let frame = host.receive(maxBytes: HostingLimits.maxFrameBytes) {
                hostLanes.take(frame)
            }
        }
    }

    deinit { server.shutDown() }
}

/// A host that a test plays: it gets each request and writes the reply itself.
final class PlayedHost: Sendable {
    let channel: HostChannel
    let budget = TestBudget()
    let killed = Box<HostEnd?>(nil)
    /// The whole shared memory, from the host's side.
    let memory: SharedMemory
    /// The host's end of the control socket.
    let control: ControlSocket
    private let alive: Box<Bool>

    /// - Parameter play: Called on a thread of its own for each request of lane 0, with its number.
    init(
        ringBytes: Int = 1 << 20,
        lanes: Int = 1,
        play: @escaping @Sendable (LaneMemory, SharedMemory, UInt32) -> Void
    ) throws {
        channel = try HostChannel(ringBytes: ringBytes, lanes: lanes, budget: budget)
        let (server, host) = try socketPair()
        control = host
        let killed = killed
        channel.attach(server) { killed.set($0) }
        memory = try SharedMemory(mapping: OwnedDescriptor(dup(channel.memoryDescriptor)))
        let lane = LaneMemory(0, in: memory)
        let alive = Box(true)
        self.alive = alive
        WorkerThread.start("played") { [memory] in
            var latest: UInt32 = 0
            while alive.current {
                let now = MonotonicTime.nowNs
                _ = lane.sleep(.request, while: latest, untilNs: now + 20_000_000)
                let number = lane.load(.request)
                guard number != latest else { continue }
                latest = number
                lane.store(.begun, number)
                play(lane, memory, number)
            }
        }
    }

    deinit { alive.set(false) }
}

extension LaneMemory {
    /// Ends a request from the host's side.
    func reply(_ number: UInt32) {
        store(.reply, number)
        wake(.reply)
    }
}

/// The ends of the server and of the host, the second of which takes descriptors.
func socketPair() throws -> (ControlSocket, ControlSocket) {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (
        ControlSocket(descriptor: ends[0], takesDescriptors: false),
        ControlSocket(descriptor: ends[1], takesDescriptors: true)
    )
}

/// Runs blocking work on a thread of its own.
func onThread<Output: Sendable>(
    _ body: @escaping @Sendable () throws -> Output
) async throws -> Output {
    try await withCheckedThrowingContinuation { continuation in
        WorkerThread.start("test") { continuation.resume(with: Result { try body() }) }
    }
}

extension HostChannel {
    /// A run of a model with rows that are proved.
    func run(
        _ inputs: [InputTensor],
        of signature: ModelSignature,
        rows: RowAnalysis = .proved,
        stop: RunStop? = nil
    ) throws(EngineError) -> [OutputTensor] {
        try run(inputs, outputs: [], signature: signature, rows: rows, stop: stop)
    }
}

extension RowAnalysis {
    static let proved = RowAnalysis(independence: .proved, precision: .exact)
    static let unproved = RowAnalysis(independence: .unproved(reason: ""), precision: .exact)
}

/// A request of FP32 rows for ``ModelSignature/rows(columns:type:)``.
func rows(_ count: Int, columns: Int = 4, first: Float = 0) -> InputTensor {
    InputTensor(
        name: "x",
        type: .fp32,
        shape: [Int64(count), Int64(columns)],
        bytes: bytes((0..<count * columns).map { first + Float($0) })
    )
}

func bytes<Number: BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
    numbers.withUnsafeBytes { Array($0) }
}

/// The elements of a BYTES tensor, encoded.
func encoded(_ elements: [[UInt8]]) -> [UInt8] {
    elements.flatMap { element in
        withUnsafeBytes(of: UInt32(element.count).littleEndian) { Array($0) } + element
    }
}

func fakeModel(_ script: FakeScript) throws -> any InferenceModel {
    try FakeEngine(script).load(ModelInMemory(entry: [UInt8]()), options: LoadOptions())
}

/// Models of Tests/Fixtures/models in ONNX Runtime.
enum Fixture {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func load(_ name: String) throws -> any InferenceModel {
        let library =
            ProcessInfo.processInfo.environment[OnnxLibrarySearch.variable]
            ?? root.appending(path: ".deps/onnxruntime/lib/libonnxruntime.so.1.32.0").path
        let file = root.appending(path: "Tests/Fixtures/models/\(name).onnx")
        return try OnnxRuntime(libraryPath: library).load(
            ModelInMemory(entry: [UInt8](try Data(contentsOf: file))),
            options: LoadOptions()
        )
    }
}

/// The error that a body throws.
func engineError(_ body: () throws -> Void) throws -> EngineError {
    try #require(throws: EngineError.self) { try body() }
}
