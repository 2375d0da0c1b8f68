internal import NIOCore
internal import NIOPosix
internal import TLS

/// Makes one load and measures it.
package struct LoadRun {
    /// A loop and what belongs to it.
    private struct Place: Sendable {
        let loop: any EventLoop
        let load: NIOLoopBound<LoopLoad>
    }

    private let plan: LoadPlan
    private let process: MeasuredProcess?

    /// - Parameter process: The server, where it is on this machine.
    /// - Throws: ``BenchError`` for a plan outside ``BenchLimits``.
    package init(_ plan: LoadPlan, process: MeasuredProcess?) throws {
        try Self.check(plan)
        self.plan = plan
        self.process = process
    }

    /// Connects, loads, and measures after the warm-up.
    ///
    /// - Throws: What kept a connection from being made. A connection that is lost later shows as
    ///   calls without an answer.
    package func run() async throws -> LoadResult {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.threads)
        do {
            let result = try await run(on: group)
            try await group.shutdownGracefully()
            return result
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func run(on group: MultiThreadedEventLoopGroup) async throws -> LoadResult {
        var loads: [Place] = []
        for loop in group.makeIterator() {
            let plan = plan
            loads.append(
                try await loop.submit {
                    let load = LoopLoad(plan: plan, loop: loop)
                    return Place(loop: loop, load: NIOLoopBound(load, eventLoop: loop))
                }.get()
            )
        }
        let channels = try await connect(loads)
        defer { for channel in channels { channel.close(promise: nil) } }

        let start = NIODeadline.now() + TimeAmount(plan.warmUp)
        let window = LoadWindow(start: start, end: start + TimeAmount(plan.duration))
        let pace = spacing(loads.count)
        for (index, load) in loads.enumerated() {
            load.loop.execute {
                let offset = TimeAmount.nanoseconds(pace.step * Int64(index))
                load.load.value.start(window, interval: .nanoseconds(pace.interval), offset: offset)
            }
        }
        try await Self.sleep(until: window.start)
        let before = process?.reading()
        try await Self.sleep(until: window.end)
        let after = process?.reading()
        try await drain(loads, until: window.end + BenchLimits.grace)

        var result = LoadResult(names: plan.requests.map(\.name))
        // What is still under way now is lost, which closing its connection says.
        for channel in channels { try? await channel.close() }
        for load in loads {
            result.add(try await load.loop.submit { load.load.value.result }.get())
        }
        result.seconds = plan.duration / .seconds(1)
        if let before, let after {
            result.server = ServerUsage(
                cpuSeconds: after.cpuSeconds - before.cpuSeconds,
                residentBytes: after.residentBytes
            )
        }
        return result
    }

    /// Nanoseconds between two calls of one loop, and by how much the next loop begins later.
    private func spacing(_ loops: Int) -> (interval: Int64, step: Int64) {
        guard case .open(let callsPerSecond) = plan.pace else { return (0, 0) }
        let step = 1e9 / callsPerSecond
        return (max(Int64(step * Double(loops)), 1), Int64(step))
    }

    /// Spreads the connections over the loops, some at a time.
    private func connect(_ loads: [Place]) async throws -> [any Channel] {
        var channels: [any Channel] = []
        channels.reserveCapacity(plan.connections)
        for first in stride(from: 0, to: plan.connections, by: BenchLimits.connecting) {
            let last = min(first + BenchLimits.connecting, plan.connections)
            let attempts = (first..<last).map { connection($0, loads[$0 % loads.count]) }
            do {
                for attempt in attempts { channels.append(try await attempt.get()) }
            } catch {
                for channel in channels { channel.close(promise: nil) }
                throw error
            }
        }
        return channels
    }

    private func connection(
        _ number: Int,
        _ load: Place
    ) -> EventLoopFuture<any Channel> {
        let loop = load.loop
        let ready = loop.makePromise(of: Void.self)
        let (tls, host) = (plan.tls, plan.host)
        let kind = number % plan.requests.count
        let connected = ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = LoadHandler(load: load.load.value, ready: ready, kind: kind)
                    load.load.value.add(handler)
                    let secure = TLSHandler(context: tls, role: .client(hostname: host))
                    try channel.pipeline.syncOperations.addHandler(secure)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: plan.host, port: plan.port)
        connected.whenFailure { ready.fail($0) }
        return connected.flatMap { channel in ready.futureResult.map { channel } }
    }

    /// Returns when no call waits any more, or at a moment.
    private func drain(
        _ loads: [Place],
        until end: NIODeadline
    ) async throws {
        while NIODeadline.now() < end {
            var underWay = 0
            for load in loads {
                underWay += try await load.loop.submit { load.load.value.underWay }.get()
            }
            guard underWay > 0 else { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private static func sleep(until moment: NIODeadline) async throws {
        let left = moment - .now()
        if left.nanoseconds > 0 { try await Task.sleep(for: .nanoseconds(left.nanoseconds)) }
    }

    private static func check(_ plan: LoadPlan) throws {
        func require(_ holds: Bool, _ what: String) throws {
            guard holds else { throw BenchError(what) }
        }
        let limits = BenchLimits.self
        let seconds = plan.duration / .seconds(1)
        try require(
            limits.connections.contains(plan.connections),
            "\(plan.connections) connections, expected \(limits.connections.text)"
        )
        try require(
            limits.requests.contains(plan.requests.count),
            "\(plan.requests.count) kinds of calls, expected \(limits.requests.text)"
        )
        try require(
            limits.threads.contains(plan.threads),
            "\(plan.threads) threads, expected \(limits.threads.text)"
        )
        try require(
            limits.seconds.contains(seconds),
            "\(seconds) seconds, expected \(limits.seconds.text)"
        )
        try require(
            plan.warmUp >= .zero && plan.warmUp <= .seconds(limits.seconds.upperBound),
            "a warm-up of \(plan.warmUp), expected 0 to \(limits.seconds.upperBound) seconds"
        )
        switch plan.pace {
        case .closed(let depth):
            try require(
                limits.depth.contains(depth),
                "\(depth) calls under way, expected \(limits.depth.text)"
            )
        case .open(let rate):
            try require(
                limits.callsPerSecond.contains(rate),
                "\(rate) calls a second, expected \(limits.callsPerSecond.text)"
            )
        }
    }
}

extension ClosedRange {
    fileprivate var text: String { "\(lowerBound) to \(upperBound)" }
}
