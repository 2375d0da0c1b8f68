internal import NIOCore
internal import Text
internal import Wire

extension ServerConnectionHandler {
    /// Decodes a request and runs its method, which may answer before this returns.
    ///
    /// The order of the checks is the order in which a caller can mend what they find.
    func startCall(_ streamID: UInt32, _ data: ByteBuffer) {
        let envelope: RequestEnvelope
        do throws(WireError) {
            envelope = try RequestEnvelope(decoding: data, limits: envelopeLimits)
        } catch {
            refuse(streamID, Status(error.code, "unmarshal request error: \(error.message)"))
            return
        }
        let route: Route
        switch router.lookup(service: envelope.service, method: envelope.method) {
        case .found(let found):
            route = found
        case .unknownService:
            let name = String(buffer: envelope.service)
            refuse(streamID, Status(.unimplemented, "service \(quoted(name))"))
            return
        case .unknownMethod:
            let name = String(buffer: envelope.method)
            refuse(streamID, Status(.unimplemented, "method \(quoted(name))"))
            return
        }
        start(route, envelope, streamID)
    }

    private func start(_ route: Route, _ envelope: RequestEnvelope, _ streamID: UInt32) {
        let deadline = deadline(envelope.timeoutNano)
        let call = Call(
            route: route,
            streamID: streamID,
            origin: Call.Origin(
                principal: principal,
                principalNumber: principalNumber,
                receivedAt: readAt,
                deadline: deadline,
                metadata: envelope.metadata
            ),
            connection: link,
            account: account
        )
        starting = call
        if let status = refusal(route, deadline) {
            call.fail(status)
        } else {
            start(call, envelope.payload ?? ByteBuffer())
        }
        guard starting != nil else { return }
        starting = nil
        if state.isClosed {
            _ = call.abandon(Status(.cancelled, "the connection was lost"))
        } else {
            state.started(call, streamID: streamID, deadline: deadline)
        }
    }

    /// Starts a call for whose reply there is room, or has it wait.
    private func start(_ call: Call, _ payload: ByteBuffer) {
        guard call.reserve(ReplyAccount.leastBytes) != nil else { return call.start(payload) }
        let room = Call.Room(
            replyBytes: ReplyAccount.leastBytes,
            requestBytes: payload.readableBytes
        )
        wait(call, for: room) { call.start(payload) }
    }

    /// Why a known method is not run.
    private func refusal(_ route: Route, _ deadline: NIODeadline?) -> Status? {
        guard route.method.kind == .unary else {
            return Status(
                .unimplemented,
                "method \(route.method.name) is a streaming method; only unary ones are served"
            )
        }
        if state.isDraining, !route.method.servesWhileDraining {
            return Status(.unavailable, "the server is shutting down")
        }
        if let deadline, deadline <= now {
            return Status(.deadlineExceeded, "the deadline passed before the call was started")
        }
        return nil
    }

    /// `timeout_nano` counts from receipt: 0 is none, a negative one has passed.
    private func deadline(_ timeoutNano: Int64) -> NIODeadline? {
        guard timeoutNano != 0 else { return nil }
        guard timeoutNano > 0 else { return readAt }
        let timeout = TimeAmount.nanoseconds(timeoutNano)
        return timeout > RPCLimits.maxTimeout ? nil : readAt + timeout
    }
}
