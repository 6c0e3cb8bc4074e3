//! Machine code and the memory that it lies in: one value, which frees it when the last user is gone.
//!
//! Cranelift writes the code into pages that are writable, and makes them executable and no longer writable before the
//! first call; none is ever both. Memory cannot be freed a function at a time, so each policy has a module of its own.

use std::{fmt, mem, ptr};

use cranelift_codegen::{
    Context,
    control::ControlPlane,
    ir::{AbiParam, Signature, types::I64},
    isa::OwnedTargetIsa,
    settings::{self, Configurable as _},
};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module as _, ModuleError, default_libcall_names};

use policy::{Answers, Dag, Op, Row, Scratch, Stop};

use crate::{
    host::{FALL_BACK, Host, NEEDS_HOST},
    layout::{self, Frame},
    limits,
    lower::{self, Kept, Part, UsesHost},
};

/// Why there is no machine code. Whoever wants it keeps to the interpreter, which decides the same.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The policy is larger than may be compiled.
    #[error("the policy is too large to be compiled")]
    TooLarge,
    /// There is no backend for this machine.
    #[error("there is no machine code for this machine: {0}")]
    Unsupported(String),
    /// Cranelift, or the system, refused.
    #[error("the policy cannot be compiled: {0}")]
    Failed(#[from] Box<ModuleError>),
}

/// Takes the facts, the answers and the frame. Gives the outcome of the only block, or how many it decided; with
/// [`lower::NOT_DONE`], a status.
type Entry = extern "C" fn(*const Row<'static>, *const u8, *mut Frame) -> u64;

/// A function of machine code.
#[derive(Clone, Copy)]
struct Function {
    /// It is called with a host.
    entry: Entry,
    /// It is called without.
    without_host: Entry,
}

impl Function {
    /// What stands where there is none.
    const ABSENT: Self = Self { entry: absent, without_host: absent };
}

extern "C" fn absent(_row: *const Row<'static>, _answers: *const u8, _frame: *mut Frame) -> u64 {
    lower::status(FALL_BACK)
}

/// What is called without a host where the code cannot do without one.
extern "C" fn needs_host(_row: *const Row<'static>, _answers: *const u8, _frame: *mut Frame) -> u64 {
    lower::status(NEEDS_HOST)
}

/// The most functions: one for each kind of decision, and one for all together.
pub(crate) const FUNCTIONS_MAX: usize = 5;

/// Machine code.
pub(crate) struct Code {
    functions: [Function; FUNCTIONS_MAX],
    bytes: usize,
    // Owns the memory that the entries point into; freed in `drop`, after the last possible call.
    module: Option<JITModule>,
    /// What the code reads besides the policy.
    kept: Kept,
}

// SAFETY: the module is touched in `drop` alone, the entries are pointers to code that never changes, and what is kept
// is only read.
unsafe impl Send for Code {}
// SAFETY: as above; a call works on its own frame.
unsafe impl Sync for Code {}

impl Code {
    /// Compiles a function for each of `functions`, which are parts of a policy that the caller keeps alive as long as
    /// the code.
    pub(crate) fn compile(functions: &[&[Part<'_>]]) -> Result<Self, Refused> {
        let size: usize = functions.iter().copied().flatten().map(size).sum();
        if functions.iter().copied().flatten().any(|part| is_too_large(part.dag)) {
            return Err(Refused::TooLarge);
        }
        let module = JITModule::new(JITBuilder::with_isa(isa(size)?, default_libcall_names()));
        // From here on the memory is freed whatever happens.
        let mut code = Self::of(module);
        code.fill(functions)?;
        Ok(code)
    }

    /// Owns the memory of `module`.
    fn of(module: JITModule) -> Self {
        let functions = [Function::ABSENT; FUNCTIONS_MAX];
        Self { functions, bytes: 0, module: Some(module), kept: Kept::default() }
    }

    fn fill(&mut self, functions: &[&[Part<'_>]]) -> Result<(), Refused> {
        let Some(module) = self.module.as_mut() else { return Ok(()) };
        let mut context = module.make_context();
        let mut scratch = FunctionBuilderContext::new();
        let mut ids = Vec::with_capacity(functions.len());
        for (number, parts) in functions.iter().enumerate() {
            let (id, bytes, uses_host) = define(module, &mut context, &mut scratch, number, parts, &mut self.kept)?;
            ids.push((id, uses_host));
            self.bytes += bytes;
            module.clear_context(&mut context);
        }
        module.finalize_definitions().map_err(Box::new)?;
        for ((id, uses_host), function) in ids.into_iter().zip(&mut self.functions) {
            let code = module.get_finalized_function(id);
            // SAFETY: `define` emitted the code with this signature and the host's C convention, and `module`, which
            // owns it, lives as long as `self`.
            let entry = unsafe { mem::transmute::<*const u8, Entry>(code) };
            let without_host = if uses_host.0 { needs_host } else { entry };
            *function = Function { entry, without_host };
        }
        Ok(())
    }

    /// Runs function number `number` without a host, whose parts take longer to set up than many a decision. What it
    /// decided is in the frame, which stays where it is: copying it would wait for the code's writes.
    #[inline]
    pub(crate) fn run(&self, number: usize, row: &Row<'_>, answers: *const u8, frame: &mut Frame) -> u64 {
        let function = self.functions.get(number).unwrap_or(&Function::ABSENT);
        (function.without_host)(ptr::from_ref(row).cast(), answers, frame)
    }

    /// Runs function number `number`, and gives what it returned, its frame, and why it stopped to `settle`. The answers
    /// are at an address for the code, and those of each of its blocks for the host.
    pub(crate) fn run_with_host<'a, T>(
        &self,
        number: usize,
        row: &'a Row<'a>,
        answers: (*const u8, [&'a Answers; 4]),
        scratch: &'a mut Scratch,
        settle: impl FnOnce(u64, &Frame, Option<Stop>) -> T,
    ) -> T {
        let Function { entry, .. } = self.functions.get(number).copied().unwrap_or(Function::ABSENT);
        let mut host = Host::new(row, answers.1, scratch.begin());
        let mut frame = Frame::new(&raw mut host);
        let outcome = entry(ptr::from_ref(row).cast(), answers.0, &raw mut frame);
        settle(outcome, &frame, host.stop.take())
    }

    /// The size of the machine code in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Code").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the entries are private and called through `&self` only, so none is running or will be called.
            unsafe { module.free_memory() }
        }
    }
}

/// Whether compiling would take too long, or too much of a stack.
fn is_too_large(dag: &Dag) -> bool {
    dag.questions() > limits::QUESTIONS_MAX || dag.depth() > limits::DEPTH_MAX || asked(dag) > limits::OPERATIONS_MAX
}

/// How many operations have code of their own: literals and variables are parts of others, and a single comparison is
/// one of the questions.
fn asked(dag: &Dag) -> usize {
    let weight = |op: &Op| match op {
        Op::Literal(_) | Op::Variable(_) => 0,
        Op::Chain { rest, .. } => rest.len().saturating_sub(1),
        _ => 1,
    };
    dag.terms().ir().exprs().map(|(_, expr)| weight(&expr.op)).sum()
}

/// How much there is to compile.
fn size(part: &Part<'_>) -> usize {
    part.dag.nodes().len() + part.dag.terms().ir().len()
}

/// The machine at hand, and how much effort is spent on code of this size.
fn isa(size: usize) -> Result<OwnedTargetIsa, Refused> {
    if !layout::text_is_pointer_and_length() {
        return Err(Refused::Unsupported("a reference to a text is laid out in an unknown way".to_owned()));
    }
    let machine = cranelift_native::builder().map_err(|why| Refused::Unsupported(why.to_owned()))?;
    let effort = if size <= limits::OPTIMISED_MAX { "speed" } else { "none" };
    let mut flags = settings::builder();
    let unsupported = |why: String| Refused::Unsupported(why);
    for (name, value) in [
        ("opt_level", effort),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        // Code may lie further than 2 GiB from the host's functions.
        ("use_colocated_libcalls", "false"),
        ("is_pic", "false"),
        // No host function unwinds.
        ("unwind_info", "false"),
    ] {
        flags.set(name, value).map_err(|why| unsupported(why.to_string()))?;
    }
    machine.finish(settings::Flags::new(flags)).map_err(|why| unsupported(why.to_string()))
}

fn define(
    module: &mut JITModule,
    context: &mut Context,
    scratch: &mut FunctionBuilderContext,
    number: usize,
    parts: &[Part<'_>],
    kept: &mut Kept,
) -> Result<(FuncId, usize, UsesHost), Refused> {
    context.func.signature = signature(module);
    let config = module.target_config();
    let uses_host = lower::function(&mut context.func, scratch, config, parts, kept)
        .map_err(|lower::TooLarge| Refused::TooLarge)?;
    let name = format!("decide{number}");
    let id = module.declare_function(&name, Linkage::Export, &context.func.signature).map_err(Box::new)?;
    module.define_function(id, context).map_err(Box::new)?;
    let bytes = context.compiled_code().map_or(0, |code| code.code_info().total_size as usize);
    Ok((id, bytes, uses_host))
}

fn signature(module: &JITModule) -> Signature {
    let mut signature = module.make_signature();
    let pointer = AbiParam::new(module.target_config().pointer_type());
    signature.params.extend([pointer; 3]);
    signature.returns.push(AbiParam::new(I64));
    signature
}

/// The function that decides `parts`, in Cranelift's IR, and its machine code for this machine in the assembler's
/// notation.
pub(crate) fn texts(parts: &[Part<'_>]) -> Result<(String, String), Refused> {
    let isa = isa(parts.iter().map(size).sum())?;
    let module = JITModule::new(JITBuilder::with_isa(isa.clone(), default_libcall_names()));
    // Owns the module, so that its memory is freed.
    let mut code = Code::of(module);
    let Some(module) = code.module.as_mut() else { return Ok(Default::default()) };
    let mut context = module.make_context();
    context.func.signature = signature(module);
    let config = module.target_config();
    let mut scratch = FunctionBuilderContext::new();
    lower::function(&mut context.func, &mut scratch, config, parts, &mut code.kept)
        .map_err(|lower::TooLarge| Refused::TooLarge)?;
    let ir = context.func.display().to_string();
    context.set_disasm(true);
    let compiled = context.compile(&*isa, &mut ControlPlane::default());
    let compiled = compiled.map_err(|error| Refused::Unsupported(format!("{:?}", error.inner)))?;
    Ok((ir, compiled.vcode.clone().unwrap_or_default()))
}
