internal import Text

/// The operators that the row analysis knows.
enum OperatorTable {
    /// The rule of an operator; nil if it is unknown.
    static func rule(of name: OperatorName) -> OperatorRule? { rules[name] }

    private static let rules: [OperatorName: OperatorRule] = {
        var rules: [OperatorName: OperatorRule] = [:]
        func add(_ domain: ExactString, _ table: [(names: String, rule: OperatorRule)]) {
            for entry in table {
                for name in entry.names.split(separator: " ") {
                    rules[OperatorName(domain, ExactString(String(name)))] = entry.rule
                }
            }
        }
        add("", elementwise)
        add("", layout)
        add("", selection)
        add("", reductions)
        add("", products)
        add("", spatial)
        add("", text)
        add("", refused)
        add("ai.onnx.ml", classic)
        add("com.microsoft", contributed)
        return rules
    }()

    /// The operators that draw random numbers. Dropout does in training mode.
    static let random: Set<ExactString> = [
        "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial",
        "Bernoulli",
    ]

    /// Names of operators, separated by spaces, with the rule of each.
    typealias Table = [(names: String, rule: OperatorRule)]
}

extension OperatorRule {
    /// Makes a rule.
    init(
        _ transfer: @escaping Transfer,
        _ stability: BitStability,
        sizes: Set<Int> = [],
        followsPadding: Bool = false
    ) {
        self.init(
            transfer: transfer,
            stability: stability,
            sizeInputs: sizes,
            followsPadding: followsPadding
        )
    }
}
