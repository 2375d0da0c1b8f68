internal import Sealing

/// The parts that all engine hosts of a server have in common.
package struct HostSetup: Sendable {
    /// The argument by which the program knows that it is an engine host.
    package static let command = "engine-host"

    /// The variables of the server's environment that a host gets: where libraries are found and
    /// how they behave. Others may hold secrets, and `LD_*` would load code.
    private static let variables = ["STRONGROOM_ONNXRUNTIME", "LOCPATH", "TZ", "GLIBC_TUNABLES"]
    private static let variablePrefixes = ["MALLOC_", "ORT_", "OMP_"]
    /// Set in every host, whatever the server's environment says.
    private static let locale = "LC_ALL=C.UTF-8"

    /// This program, also when its file was replaced since.
    package var program = "/proc/self/exe"
    /// Bytes of the memory for tensors that server and host share.
    package let ringBytes: Int
    /// Runs that a host makes side by side.
    package let lanes: Int
    /// Accounts for memory areas beside the ring.
    package let budget: any ByteBudget

    /// Describes hosts.
    package init(ringBytes: Int, lanes: Int, budget: any ByteBudget) {
        self.ringBytes = ringBytes
        self.lanes = lanes
        self.budget = budget
    }

    /// The environment of a host.
    static var environment: [String] {
        OwnProcess.environment(where: isPassedOn) + [locale]
    }

    /// Whether a host gets a variable of the server's environment.
    static func isPassedOn(_ name: String) -> Bool {
        variables.contains(name) || variablePrefixes.contains { name.hasPrefix($0) }
    }
}
