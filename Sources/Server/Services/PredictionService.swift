internal import Engine
internal import Logging
internal import NIOCore
internal import RPC
internal import Registry
internal import Serving
internal import Text
internal import Wire

/// `strongroom.v1.Prediction`: the data plane.
struct PredictionService: Sendable {
    private static let roles: RoleSet = [.predictor, .publisher]

    let service: Service
    let host: ModelHost
    let loops: LoopRunners
    let limits: RPCLimits
    let clamping: PriorityClamping
    let outstanding = OutstandingCalls()

    var methods: [Method] {
        [
            service.direct("Predict", rule: .model(Self.roles, { $0.model?.name ?? "" }), predict),
            service.control(
                "GetModel",
                rule: .model(Self.roles.union([.observer]), { $0.model?.name ?? "" }),
                replyBytes: { _ in Page.maxBytes },
                getModel
            ),
            service.direct("Cancel", rule: .anyModel(Self.roles), cancel),
        ]
    }

    private func predict(_ request: V1.PredictRequest, _ arrival: Arrival) throws {
        let call = arrival.call
        let spec = request.model ?? V1.ModelSpec()
        let requestID = request.requestID
        if !requestID.isEmpty {
            try RequestID.check(requestID)
            outstanding.add(call, requestID: requestID)
        }
        if !request.parameters.isEmpty, let name = request.parameters.keys.min() {
            throw Status(.invalidArgument, "the engine takes no parameter \(quoted(name))")
        }
        var priority = Int(request.priority)
        guard RequestPriority.range.contains(priority) else {
            throw Status(
                .invalidArgument,
                "'priority' is \(priority), expected \(RequestPriority.range.lowerBound) to "
                    + "\(RequestPriority.range.upperBound)"
            )
        }
        let inputs = try request.inputs.map(Self.input)
        let model = spec.name
        if priority > 0 { priority = clamping.granted(priority, on: model, to: arrival) }
        let trace = arrival.trace
        trace?.asked(model)
        host.predict(
            PredictionRequest(
                model: model,
                selector: try Self.selector(spec),
                inputs: inputs,
                outputNames: request.outputNames,
                source: call.source,
                principalNumber: call.principalNumber,
                principal: arrival.caller.name,
                heldBytes: arrival.payloadBytes,
                priority: priority,
                deadlineNs: call.deadline?.uptimeNanoseconds,
                isCancelled: { call.isOver },
                onCancel: { call.onCancel($0) },
                onRouted: { call.count(with: $0) },
                room: call,
                completion: { result in
                    if let trace, case .success(let prediction) = result {
                        trace.answered(prediction)
                    }
                    Self.answer(call, result, model: model, requestID: requestID)
                }
            ),
            on: loops.runner(of: call.eventLoop)
        )
    }

    /// Hands the reply over with the outputs where the engine left them.
    private static func answer(
        _ call: Call,
        _ result: Result<Prediction, ServingError>,
        model: String,
        requestID: String
    ) {
        switch result {
        case .failure(let error):
            call.note(asked: model)
            call.fail(.of(error, method: call.path, logger: call.logger))
        case .success(let prediction):
            let now = NIODeadline.now()
            let total = (now - call.receivedAt).nanoseconds
            let response = V1.PredictResponse(
                modelName: model,
                modelVersion: prediction.version,
                requestID: requestID.isEmpty ? RequestID.make() : requestID,
                timing: V1.Timing(
                    queueNs: prediction.queueNs,
                    computeNs: prediction.computeNs,
                    batchRows: UInt32(clamping: prediction.batchRows),
                    totalNs: UInt64(clamping: total),
                    loadNs: prediction.loadNs
                ),
                usage: V1.Usage(rows: prediction.rows, computeNs: prediction.ownComputeNs)
            )
            call.succeed(
                sending: V1.LentPredictResponse(
                    response,
                    lending: prediction.outputs.map(V1.LentTensor.init)
                ),
                at: now
            )
        }
    }

    private static func input(_ tensor: V1.Tensor) throws(Status) -> InputTensor {
        guard let type = ElementType(rawValue: tensor.dataType.rawValue) else {
            throw Status(
                .invalidArgument,
                "input \(quoted(tensor.name)) has the unknown data type \(tensor.dataType.rawValue)"
            )
        }
        return InputTensor(
            name: tensor.name,
            type: type,
            shape: tensor.shape,
            bytes: RequestBytes(buffer: tensor.data)
        )
    }

    private static func selector(_ spec: V1.ModelSpec) throws(Status) -> VersionSelector {
        switch spec.selector {
        case .version(let version): .version(version)
        case .alias(let alias): .alias(alias)
        case nil: .alias(AliasName.live)
        }
    }

    private func getModel(
        _ request: V1.GetModelRequest,
        _ arrival: Arrival
    ) async throws -> V1.GetModelResponse {
        let spec = request.model ?? V1.ModelSpec()
        let slot = try await host.slot(
            model: spec.name,
            selector: try Self.selector(spec),
            principal: arrival.caller.name
        )
        let mode = slot.card.batching.mode.rawValue
        let messages = limits.messages(of: "Predict", as: arrival.call)
        var metadata: [ExactString: ExactString] = [
            "strongroom.batching": slot.plan.isMerged ? "merged" : "unmerged",
            "strongroom.batching.mode": ExactString(mode),
            "strongroom.batching.why": ExactString(slot.plan.why),
            "strongroom.batching.check_ms": "\(slot.plan.checkMs)",
            "strongroom.deterministic": slot.isDeterministic ? "yes" : "no",
            "strongroom.isolation": ExactString(slot.isolation.mode),
            "strongroom.isolation.why": ExactString(slot.isolation.why),
        ]
        if let node = slot.isolation.node {
            metadata["strongroom.isolation.node"] = ExactString(node)
        }
        return V1.GetModelResponse(
            name: spec.name,
            version: slot.id.version,
            engine: slot.card.engine,
            inputs: slot.model.signature.inputs.map(V1.TensorSpec.init),
            outputs: slot.model.signature.outputs.map(V1.TensorSpec.init),
            metadata: metadata,
            limits: V1.Limits(
                requestBytes: UInt64(messages.requestBytes),
                replyBytes: UInt64(messages.replyBytes)
            )
        )
    }

    private func cancel(_ request: V1.CancelRequest, _ arrival: Arrival) throws {
        try RequestID.check(request.requestID)
        guard outstanding.cancel(requestID: request.requestID, of: arrival.caller.principal) else {
            throw Status(
                .notFound,
                "no call with request id \(quoted(request.requestID)) is running"
            )
        }
        arrival.call.succeed(V1.CancelResponse())
    }
}

/// The room of a connection for the reply of a call.
extension Call: ResultRoom {
    package func reserve(resultBytes bytes: Int) -> Bool {
        reserve(min(bytes, RPCLimits.frameCeilingBytes)) == nil
    }

    package func wait(
        forResultBytes bytes: Int,
        holding held: Int,
        _ again: @escaping @Sendable () -> Void
    ) {
        wait(for: Room(replyBytes: bytes, requestBytes: held), then: again)
    }
}

/// An output is written into the reply from where the engine left it.
extension OutputTensor: LentBytes {}

extension V1.LentTensor {
    fileprivate init(_ tensor: OutputTensor) {
        self.init(
            name: tensor.name,
            dataType: V1.DataType(rawValue: tensor.type.rawValue),
            shape: tensor.shape,
            data: tensor
        )
    }
}

extension V1.TensorSpec {
    init(_ spec: Engine.TensorSpec) {
        self.init(
            name: spec.name,
            dataType: V1.DataType(rawValue: spec.type.rawValue),
            shape: spec.shape,
            unknownRank: spec.hasUnknownRank,
            optional: spec.isOptional
        )
    }
}
