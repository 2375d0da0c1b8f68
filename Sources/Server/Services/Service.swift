internal import Logging
internal import NIOCore
internal import RPC
internal import Registry
internal import Wire

/// What every service is built from: decoding, the rule, and one way to answer.
struct Service: Sendable {
    let name: String
    let access: AccessFile
    let registry: Registry
    let work: BlockingWork
    /// Records calls; nil: none is.
    var tracing: CallTracing?

    /// A method that answers through its call, at once or later, and does not block.
    func direct<Request: WireMessage>(
        _ method: String,
        rule: AccessRule<Request>,
        servesWhileDraining: Bool = false,
        _ body: @escaping @Sendable (Request, Arrival) throws -> Void
    ) -> Method {
        Method(service: name, name: method, servesWhileDraining: servesWhileDraining) {
            call,
            payload in
            let trace = tracing?.begin(call)
            answering(call) {
                let request = try Request(decoding: payload)
                let caller = Caller(principal: call.principal, list: access.current)
                do {
                    try authorize(request, rule: rule, caller: caller, method: method)
                    try body(
                        request,
                        Arrival(
                            caller: caller,
                            call: call,
                            payloadBytes: payload.readableBytes,
                            trace: trace
                        )
                    )
                } catch {
                    call.note(modelOf: request, rule: rule)
                    throw error
                }
            }
        }
    }

    /// A method of the control plane: may wait, and blocks on ``BlockingWork`` alone.
    func control<Request: WireMessage, Response: WireMessage>(
        _ method: String,
        rule: AccessRule<Request>,
        replyBytes: @escaping @Sendable (Request) -> Int = { _ in 0 },
        _ body: @escaping @Sendable (Request, Caller) async throws -> Response
    ) -> Method {
        control(method, rule: rule, replyBytes: replyBytes) { request, arrival in
            try await body(request, arrival.caller)
        }
    }

    /// A method of the control plane whose answer depends on the call too.
    /// - Parameter replyBytes: The most bytes of the reply, for which there has to be room before
    ///   the method runs; 0: it is small.
    func control<Request: WireMessage, Response: WireMessage>(
        _ method: String,
        rule: AccessRule<Request>,
        replyBytes: @escaping @Sendable (Request) -> Int = { _ in 0 },
        _ body: @escaping @Sendable (Request, Arrival) async throws -> Response
    ) -> Method {
        direct(method, rule: rule) { request, arrival in
            let call = arrival.call
            call.note(modelOf: request, rule: rule)
            let room = Call.Room(
                replyBytes: replyBytes(request),
                requestBytes: arrival.payloadBytes
            )
            call.whenRoom(room) {
                answering(call) { try run(request, arrival, rule: rule, method: method, body) }
            }
        }
    }

    private func run<Request: WireMessage, Response: WireMessage>(
        _ request: Request,
        _ arrival: Arrival,
        rule: AccessRule<Request>,
        method: String,
        _ body: @escaping @Sendable (Request, Arrival) async throws -> Response
    ) throws {
        let (caller, call) = (arrival.caller, arrival.call)
        let place = try work.enter(arrival)
        // The boundary from the loop; the task ends with its call.
        let task = Task {
            defer { work.leave(place) }
            do {
                if case .upload(let id) = rule {
                    let upload = id(request)
                    try await work.run { try authorize(upload, caller, method: method) }
                }
                call.succeed(try await body(request, arrival))
            } catch {
                call.fail(.of(error, method: call.path, logger: call.logger))
            }
        }
        call.onCancel { task.cancel() }
    }

    /// A method that takes the calls of one upload in the order in which they came.
    func upload<Request: WireMessage, Response: WireMessage>(
        _ method: String,
        id: @escaping @Sendable (Request) -> String,
        _ body: @escaping @Sendable (Request, Caller) throws -> Response
    ) -> Method {
        direct(method, rule: .upload(id)) { request, arrival in
            let (caller, call) = (arrival.caller, arrival.call)
            let place = try work.enter(arrival)
            work.runInOrder(of: id(request)) {
                defer { work.leave(place) }
                guard !call.isOver else { return }
                answering(call) {
                    try authorize(id(request), caller, method: method)
                    call.succeed(try body(request, caller))
                }
            }
        }
    }

    /// What can be decided from memory, on the loop.
    private func authorize<Request>(
        _ request: Request,
        rule: AccessRule<Request>,
        caller: Caller,
        method: String
    ) throws {
        switch rule {
        case .anyone: break
        case .model(let roles, let model):
            try caller.authorize(roles, on: model(request), method: method)
        case .upload: try caller.authorizeAnywhere([.publisher], method: method)
        case .anyModel(let roles): try caller.authorizeAnywhere(roles, method: method)
        case .allModels(let roles): try caller.authorizeEverywhere(roles, method: method)
        }
    }

    /// The second half for an upload, whose model only the registry knows. Blocking.
    private func authorize(_ upload: String, _ caller: Caller, method: String) throws {
        let model = try registry.uploadModel(uploadID: upload, principal: caller.name)
        try caller.authorize([.publisher], on: model, method: method)
    }

    private func answering(_ call: Call, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            call.fail(.of(error, method: call.path, logger: call.logger))
        }
    }
}

/// A call whose message was read and whose caller may make it.
struct Arrival: Sendable {
    let caller: Caller
    let call: Call
    /// Of the message: what the call keeps alive, whatever it uses of it.
    let payloadBytes: Int
    /// Nil: it is not recorded.
    var trace: CallTrace?
}

extension Call {
    /// Names the model of a request for the log.
    fileprivate func note<Request>(modelOf request: Request, rule: AccessRule<Request>) {
        if case .model(_, let model) = rule { note(asked: model(request)) }
    }

    /// Names the model that a caller asked for, if it could be a name.
    func note(asked name: String) {
        guard (1...Limits.maxNameBytes).contains(name.utf8.count),
            name.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return }
        note(model: name)
    }

    func succeed<Response: WireMessage>(_ response: Response) {
        var buffer = ByteBuffer()
        response.encode(into: &buffer)
        succeed(buffer)
    }
}
