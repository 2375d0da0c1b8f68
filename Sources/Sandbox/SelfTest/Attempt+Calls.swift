internal import CSandbox
internal import Glibc

/// Calls that attempts make.
extension Attempt {
    /// An attempt in both stages to make a call, by its name, which ends the process.
    static func call(
        _ thing: String,
        _ name: String,
        _ arguments: @escaping @Sendable () -> [Int] = { [] }
    ) -> Attempt {
        Attempt(thing: thing, layers: .both, expected: .endsAt(name)) { _ in
            make(name, arguments())
        }
    }

    /// Makes a call with up to six arguments. A process that comes out of it as the copy of its
    /// parent ends at once.
    static func make(_ name: String, _ arguments: [Int]) -> Int {
        let number = unsafe seccomp_syscall_resolve_name(name)
        let all = arguments + [Int](repeating: 0, count: 6 - arguments.count)
        return sandbox_Call(Int(number), all[0], all[1], all[2], all[3], all[4], all[5])
    }

    /// The address of a text that ends with a zero byte.
    static func address(_ text: StaticString) -> Int { unsafe Int(bitPattern: text.utf8Start) }

    /// The address of zeros in new memory, which is never freed: the process ends.
    static func zeros(_ count: Int) -> Int {
        unsafe Int(bitPattern: calloc(1, count))
    }

    /// A socket of TCP over IPv4; -1: there is none.
    static func socket() -> Int {
        Int(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    }

    /// Connects a socket to the discard port of this machine.
    static func connect(_ socket: Int) -> Int {
        make("connect", [socket, loopback(), MemoryLayout<sockaddr_in>.size])
    }

    /// The address of a `sockaddr_in` of 127.0.0.1, port 9.
    static func loopback() -> Int {
        let place = zeros(MemoryLayout<sockaddr_in>.size)
        if let memory = unsafe UnsafeMutablePointer<sockaddr_in>(bitPattern: place) {
            unsafe memory.pointee.sin_family = sa_family_t(AF_INET)
            unsafe memory.pointee.sin_port = in_port_t(9).bigEndian
            unsafe memory.pointee.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        }
        return place
    }

    /// A page of memory with the code of a function that returns; 0: there is none.
    static func writtenCode() -> Int {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let page = unsafe mmap(nil, pageBytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { return 0 }
        #if arch(x86_64)
            unsafe page.storeBytes(of: 0xC3, as: UInt8.self)
        #else
            unsafe page.storeBytes(of: 0xD65F_03C0, as: UInt32.self)
        #endif
        return Int(bitPattern: page)
    }

    /// Calls the code at an address.
    static func run(code: Int) -> Int {
        guard let code = unsafe UnsafeMutableRawPointer(bitPattern: code) else { return -1 }
        unsafe sandbox_RunCode(code)
        return 0
    }

    /// Bytes that cover a page of every kind of machine.
    static let pageBytes = 64 << 10
}
