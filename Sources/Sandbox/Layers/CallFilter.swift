internal import CSandbox
internal import Glibc

/// A filter of system calls (seccomp), made with libseccomp. Calls of another architecture, such as
/// the 32-bit ones of x86-64, end the process.
@safe
final class CallFilter {
    /// The answer to a call.
    enum Answer {
        case allow
        /// The process ends by SIGSYS; the handler of that signal records the call.
        case end
        /// The call fails with this error number.
        case refuse(Int32)

        fileprivate var action: UInt32 {
            switch self {
            case .allow: SCMP_ACT_ALLOW
            case .end: SCMP_ACT_TRAP
            case .refuse(let error): sandbox_RefuseWith(error)
            }
        }
    }

    /// A condition on one argument of a call. The kernel takes some arguments as 32 bits and the
    /// filter sees 64: a rule that allows must therefore name the values that it allows.
    struct Condition {
        fileprivate let comparison: scmp_arg_cmp

        /// Argument `index`, of which only the bits of `mask` count, is `value`.
        static func masked(_ index: UInt32, _ mask: UInt64, _ value: UInt64) -> Condition {
            make(index, SCMP_CMP_MASKED_EQ, mask, value)
        }

        static func equal(_ index: UInt32, _ value: UInt64) -> Condition {
            make(index, SCMP_CMP_EQ, value, 0)
        }

        static func notEqual(_ index: UInt32, _ value: UInt64) -> Condition {
            make(index, SCMP_CMP_NE, value, 0)
        }

        static func below(_ index: UInt32, _ value: UInt64) -> Condition {
            make(index, SCMP_CMP_LT, value, 0)
        }

        private static func make(
            _ index: UInt32,
            _ kind: scmp_compare,
            _ a: UInt64,
            _ b: UInt64
        ) -> Condition {
            Condition(comparison: scmp_arg_cmp(arg: index, op: kind, datum_a: a, datum_b: b))
        }
    }

    /// The optimisation level of libseccomp at which the kernel finds a call by a binary search.
    private static let binarySearch: UInt32 = 2
    private let context: scmp_filter_ctx

    /// A filter without a rule.
    ///
    /// - Parameters:
    ///   - others: The answer to calls that no rule names.
    ///   - coversAllThreads: Whether it holds for all threads, or for the calling one and those
    ///     that it makes.
    init(others: Answer, coversAllThreads: Bool) throws(SandboxError) {
        guard let context = unsafe seccomp_init(others.action) else {
            throw SandboxError("no filter of system calls can be made", errno: ENOMEM)
        }
        unsafe self.context = unsafe context
        try set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)
        // The process has given up new privileges before.
        try set(SCMP_FLTATR_CTL_NNP, 0)
        try set(SCMP_FLTATR_CTL_TSYNC, coversAllThreads ? 1 : 0)
        try set(SCMP_FLTATR_CTL_OPTIMIZE, Self.binarySearch)
    }

    deinit { unsafe seccomp_release(context) }

    /// Adds a rule for a call, by name, whose conditions all hold. A name that this architecture
    /// has no call of is passed over.
    func add(_ answer: Answer, _ name: String, _ conditions: Condition...) throws(SandboxError) {
        let number = unsafe seccomp_syscall_resolve_name(name)
        guard number >= 0 else { return }
        let comparisons = conditions.map(\.comparison)
        let count = UInt32(comparisons.count)
        try Self.check(
            unsafe seccomp_rule_add_array(context, answer.action, number, count, comparisons),
            "the rule of \(name) is refused"
        )
    }

    /// Adds rules for calls with any arguments.
    func add(_ answer: Answer, _ names: [String]) throws(SandboxError) {
        for name in names { try add(answer, name) }
    }

    /// Puts the filter into place, for good.
    /// - Returns: False if the kernel has no filters.
    func load() throws(SandboxError) -> Bool {
        let result = unsafe seccomp_load(context)
        // Kernels without CONFIG_SECCOMP_FILTER answer the calls that set a filter so.
        if result == -EINVAL || result == -ENOSYS || result == -EOPNOTSUPP { return false }
        try Self.check(result, "the filter of system calls is refused")
        return true
    }

    private func set(_ attribute: scmp_filter_attr, _ value: UInt32) throws(SandboxError) {
        try Self.check(
            unsafe seccomp_attr_set(context, attribute, value),
            "the filter's attribute \(attribute.rawValue) cannot be set"
        )
    }

    /// libseccomp returns error numbers, negated.
    private static func check(_ result: Int32, _ step: String) throws(SandboxError) {
        guard result == 0 else { throw SandboxError(step, errno: -result) }
    }
}
