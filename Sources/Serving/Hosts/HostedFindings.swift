internal import Engine
internal import JSON
internal import Text

/// The description of a version that has passed every check in an engine host.
struct HostedFindings: Sendable, Equatable {
    var findings: VersionFindings
    /// Why every warm-up run failed; nil if one passed, or there was none.
    var warmUpFailure: String?
    var signature: ModelSignature
    var resources: ModelResources

    var json: JSONValue {
        var members = [
            JSONValue.Member(name: "end", value: .string("passed")),
            .init(name: "findings", value: findings.json),
            .init(name: "inputs", value: .array(signature.inputs.map(Self.json))),
            .init(name: "outputs", value: .array(signature.outputs.map(Self.json))),
            .init(name: "model_bytes", value: .number("\(resources.modelBytes)")),
            .init(name: "threads", value: .number("\(resources.threads)")),
            .init(name: "time_depends_on_values", value: .bool(resources.timeDependsOnValues)),
        ]
        if let warmUpFailure {
            members.append(.init(name: "warm_up_failure", value: .string(warmUpFailure)))
        }
        return .object(members)
    }

    private static func json(_ spec: TensorSpec) -> JSONValue {
        .object([
            .init(name: "name", value: .string(spec.name.text)),
            .init(name: "type", value: .number("\(spec.type.rawValue)")),
            .init(name: "shape", value: .array(spec.shape.map { .number("\($0)") })),
            .init(name: "unknown_rank", value: .bool(spec.hasUnknownRank)),
            .init(name: "optional", value: .bool(spec.isOptional)),
        ])
    }
}

extension HostedFindings {
    /// Reads a description; nil if it is none, or describes what no model may have.
    init?(_ json: JSONValue) {
        guard let findings = json["findings"].flatMap({ VersionFindings($0) }),
            let inputs = Self.specs(json["inputs"]), let outputs = Self.specs(json["outputs"]),
            case .number(let bytes)? = json["model_bytes"], let bytes = Int(bytes), bytes >= 0,
            case .number(let threads)? = json["threads"], let threads = Int(threads),
            (1...EngineLimits.maxThreads).contains(threads),
            case .bool(let depends)? = json["time_depends_on_values"]
        else { return nil }
        self.findings = findings
        signature = ModelSignature(inputs: inputs, outputs: outputs)
        resources = ModelResources(
            modelBytes: bytes,
            threads: threads,
            timeDependsOnValues: depends
        )
        guard case .string(let failure)? = json["warm_up_failure"] else { return }
        warmUpFailure = HostText.bounded(failure)
    }

    private static func specs(_ json: JSONValue?) -> [TensorSpec]? {
        guard case .array(let values)? = json, values.count <= EngineLimits.maxTensors else {
            return nil
        }
        var specs: [TensorSpec] = []
        var names: Set<ExactString> = []
        for value in values {
            guard let spec = spec(value), names.insert(spec.name).inserted else { return nil }
            specs.append(spec)
        }
        return specs
    }

    private static func spec(_ json: JSONValue) -> TensorSpec? {
        guard case .string(let name)? = json["name"], TensorSpec.isName(name),
            case .number(let type)? = json["type"],
            let type = Int32(type).flatMap(ElementType.init(rawValue:)),
            case .array(let sizes)? = json["shape"], sizes.count <= EngineLimits.maxRank,
            case .bool(let hasUnknownRank)? = json["unknown_rank"],
            case .bool(let isOptional)? = json["optional"]
        else { return nil }
        var shape: [Int64] = []
        for size in sizes {
            guard case .number(let text) = size, let number = Int64(text),
                number >= -1
            else { return nil }
            shape.append(number)
        }
        guard !hasUnknownRank || shape.isEmpty else { return nil }
        return TensorSpec(
            name: ExactString(name),
            type: type,
            shape: shape,
            hasUnknownRank: hasUnknownRank,
            isOptional: isOptional
        )
    }
}
