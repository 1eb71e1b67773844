/** The names of MLX 0.32's public surface, by where its documentation has them; undocumented ones come last. */

export interface Section {
  readonly title: string;
  /** Names below `mlx.core`; `nn.`, `optimizers.` and `utils` are modules beside it. */
  readonly names: string;
}

export const sections: readonly Section[] = [
  {
    title: "Arrays",
    names: `array array.astype array.at ArrayAt.add ArrayAt.subtract ArrayAt.multiply ArrayAt.divide ArrayAt.maximum
ArrayAt.minimum array.item array.tolist array.dtype array.itemsize array.nbytes array.ndim array.shape
array.size array.real array.imag array.abs array.all array.any array.argmax array.argmin array.conj array.cos
array.cummax array.cummin array.cumprod array.cumsum array.diag array.diagonal array.exp array.flatten
array.log array.log10 array.log1p array.log2 array.logcumsumexp array.logsumexp array.max array.mean array.min
array.moveaxis array.prod array.reciprocal array.reshape array.round array.rsqrt array.sin array.split
array.sqrt array.square array.squeeze array.std array.sum array.swapaxes array.transpose array.T array.var
array.view array.__getitem__ array.__setitem__ array.__add__ array.__radd__ array.__iadd__ array.__matmul__
array.__imatmul__ array.__and__ array.__or__ array.__xor__ array.__lshift__ array.__rshift__ array.__eq__
array.__ne__ array.__lt__ array.__le__ array.__gt__ array.__ge__ array.__neg__ array.__invert__ array.__abs__
array.__bool__ array.__int__ array.__float__ array.__complex__ array.__len__ array.__iter__ array.__hash__
array.__repr__ array.__str__ array.__format__ array.__dlpack__ array.__dlpack_device__
array.__array_namespace__ array.__array__ array.__copy__ array.__deepcopy__ array.__getstate__
array.__setstate__`,
  },
  {
    title: "Operations",
    names: `abs arccos arccosh arcsin arcsinh arctan arctanh bitwise_invert ceil conj conjugate cos cosh degrees erf
erfinv exp expm1 floor imag isfinite isinf isnan isneginf isposinf log log10 log1p log2 logical_not negative
positive radians real reciprocal round rsqrt sigmoid sign sin sinh sqrt square stop_gradient tan tanh trunc
add arctan2 bitwise_and bitwise_or bitwise_xor divide divmod equal floor_divide greater greater_equal
left_shift less less_equal logaddexp logical_and logical_or logical_xor maximum minimum multiply not_equal
power remainder right_shift subtract array_equal allclose isclose clip nan_to_num where arange asarray
bartlett blackman eye from_dlpack full full_like hamming hanning identity linspace meshgrid ones ones_like tri
tril triu zeros zeros_like as_strided astype atleast_1d atleast_2d atleast_3d broadcast_arrays
broadcast_shapes broadcast_to concat concatenate contiguous diag diagonal expand_dims flatten flip moveaxis
pad permute_dims repeat reshape roll split squeeze stack swapaxes tile transpose unflatten unstack view all
any argmax argmin count_nonzero logsumexp max mean median min prod std sum trace var cummax cummin cumprod
cumsum logcumsumexp diff argpartition argsort partition searchsorted sort topk put_along_axis slice
slice_update take take_along_axis addmm block_masked_mm einsum einsum_path gather_mm hadamard_transform inner
kron matmul outer segmented_mm tensordot vecdot convolve conv1d conv2d conv3d conv_transpose1d
conv_transpose2d conv_transpose3d conv_general quantize dequantize quantized_matmul gather_qmm qqmm from_fp8
to_fp8 softmax depends can_cast isdtype issubdtype result_type load save savez savez_compressed
save_safetensors save_gguf`,
  },
  {
    title: "Transforms",
    names: `eval async_eval compile checkpoint custom_function custom_function.vjp custom_function.jvp
custom_function.vmap disable_compile enable_compile grad value_and_grad jvp vjp vmap`,
  },
  {
    title: "Random",
    names: `random.bernoulli random.categorical random.gumbel random.key random.laplace random.multivariate_normal
random.normal random.permutation random.randint random.seed random.split random.truncated_normal
random.uniform`,
  },
  {
    title: "Linear algebra",
    names: `linalg.cholesky linalg.cholesky_inv linalg.cross linalg.det linalg.eig linalg.eigh linalg.eigvals
linalg.eigvalsh linalg.inv linalg.lu linalg.lu_factor linalg.norm linalg.pinv linalg.qr linalg.slogdet
linalg.solve linalg.solve_triangular linalg.svd linalg.tri_inv`,
  },
  {
    title: "Fourier transforms",
    names: `fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 fft.irfft2 fft.rfftn
fft.irfftn fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift`,
  },
  {
    title: "Fast operations",
    names: `fast.rms_norm fast.layer_norm fast.rope fast.scaled_dot_product_attention fast.metal_kernel fast.cuda_kernel
fast.kernel fast.precompiled_cuda_kernel`,
  },
  {
    title: "Devices and streams",
    names: `Device Stream ThreadLocalStream default_device set_default_device default_stream new_stream
new_thread_local_stream new_thread_unsafe_stream set_default_stream stream synchronize clear_streams
device_count device_info`,
  },
  {
    title: "Memory management",
    names: `get_active_memory get_peak_memory reset_peak_memory get_cache_memory set_memory_limit set_cache_limit
set_wired_limit clear_cache`,
  },
  {
    title: "Data types",
    names: `bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 bfloat16 float16 float32 float64 complex64 Dtype
DtypeCategory issubdtype finfo iinfo`,
  },
  {
    title: "Metal",
    names: `metal.is_available metal.device_info metal.start_capture metal.stop_capture`,
  },
  {
    title: "CUDA",
    names: `cuda.is_available`,
  },
  {
    title: "Export",
    names: `export_function import_function exporter export_to_dot`,
  },
  {
    title: "Print options",
    names: `PrintOptions set_printoptions printoptions get_printoptions`,
  },
  {
    title: "Tree utilities",
    names: `tree_flatten tree_unflatten tree_map tree_map_with_path tree_reduce tree_merge`,
  },
  {
    title: "Distributed",
    names: `distributed.Group distributed.is_available distributed.init distributed.all_sum distributed.all_max
distributed.all_min distributed.all_gather distributed.sum_scatter distributed.send distributed.recv
distributed.recv_like`,
  },
  {
    title: "Modules",
    names: `nn.Module nn.Module.training nn.Module.state nn.Module.apply nn.Module.apply_to_modules nn.Module.children
nn.Module.eval nn.Module.filter_and_map nn.Module.freeze nn.Module.leaf_modules nn.Module.load_weights
nn.Module.modules nn.Module.named_modules nn.Module.parameters nn.Module.save_weights nn.Module.set_dtype
nn.Module.train nn.Module.trainable_parameters nn.Module.unfreeze nn.Module.update nn.Module.update_modules
nn.value_and_grad nn.quantize nn.average_gradients`,
  },
  {
    title: "Layers",
    names: `nn.ALiBi nn.AllToShardedLinear nn.AvgPool1d nn.AvgPool2d nn.AvgPool3d nn.BatchNorm nn.Bilinear nn.CELU
nn.Conv1d nn.Conv2d nn.Conv3d nn.ConvTranspose1d nn.ConvTranspose2d nn.ConvTranspose3d nn.Dropout nn.Dropout2d
nn.Dropout3d nn.ELU nn.Embedding nn.GELU nn.GLU nn.GroupNorm nn.GRU nn.HardShrink nn.HardTanh nn.Hardswish
nn.Identity nn.InstanceNorm nn.LayerNorm nn.LeakyReLU nn.Linear nn.LogSigmoid nn.LogSoftmax nn.LSTM
nn.MaxPool1d nn.MaxPool2d nn.MaxPool3d nn.Mish nn.MultiHeadAttention nn.PReLU nn.QQLinear
nn.QuantizedAllToShardedLinear nn.QuantizedEmbedding nn.QuantizedLinear nn.QuantizedShardedToAllLinear
nn.RMSNorm nn.ReLU nn.ReLU2 nn.ReLU6 nn.RNN nn.RoPE nn.SELU nn.Sequential nn.ShardedToAllLinear nn.Sigmoid
nn.SiLU nn.SinusoidalPositionalEncoding nn.Softmin nn.Softshrink nn.Softsign nn.Softmax nn.Softplus nn.Step
nn.Tanh nn.Transformer nn.TransformerDecoder nn.TransformerDecoderLayer nn.TransformerEncoder
nn.TransformerEncoderLayer nn.Upsample`,
  },
  {
    title: "Functions of neural networks",
    names: `nn.elu nn.celu nn.gelu nn.gelu_approx nn.gelu_fast_approx nn.glu nn.hard_shrink nn.hard_tanh nn.hardswish
nn.leaky_relu nn.log_sigmoid nn.log_softmax nn.mish nn.prelu nn.relu nn.relu2 nn.relu6 nn.selu nn.sigmoid
nn.silu nn.softmax nn.softmin nn.softplus nn.softshrink nn.softsign nn.step nn.tanh`,
  },
  {
    title: "Losses",
    names: `nn.losses.binary_cross_entropy nn.losses.cosine_similarity_loss nn.losses.cross_entropy
nn.losses.gaussian_nll_loss nn.losses.hinge_loss nn.losses.huber_loss nn.losses.kl_div_loss nn.losses.l1_loss
nn.losses.log_cosh_loss nn.losses.margin_ranking_loss nn.losses.mse_loss nn.losses.nll_loss
nn.losses.smooth_l1_loss nn.losses.triplet_loss`,
  },
  {
    title: "Initialisers",
    names: `nn.init.constant nn.init.normal nn.init.uniform nn.init.identity nn.init.glorot_normal nn.init.glorot_uniform
nn.init.he_normal nn.init.he_uniform nn.init.sparse nn.init.orthogonal`,
  },
  {
    title: "Distributed layers",
    names: `nn.shard_linear nn.shard_inplace nn.fully_shard nn.FullyShardedModule`,
  },
  {
    title: "Optimizers",
    names: `optimizers.Optimizer optimizers.Optimizer.state optimizers.Optimizer.init optimizers.Optimizer.update
optimizers.Optimizer.apply_gradients optimizers.SGD optimizers.RMSprop optimizers.Adagrad optimizers.Adafactor
optimizers.AdaDelta optimizers.Adam optimizers.AdamW optimizers.Adamax optimizers.Lion
optimizers.MultiOptimizer optimizers.Muon optimizers.cosine_decay optimizers.exponential_decay
optimizers.join_schedules optimizers.linear_schedule optimizers.step_decay optimizers.clip_grad_norm`,
  },
  {
    title: "Undocumented names",
    names: `acos acosh asin asinh atan atan2 atanh pow bitwise_left_shift bitwise_right_shift cumulative_sum
cumulative_prod matrix_transpose matrix_norm empty empty_like gather_qqmm is_available cpu gpu DeviceType
StreamContext FunctionExporter ArrayAt ArrayIterator ArrayLike complexfloating floating inexact signedinteger
unsignedinteger integer number generic e euler_gamma inf nan newaxis pi random.state metal.clear_cache
metal.get_active_memory metal.get_cache_memory metal.get_peak_memory metal.reset_peak_memory
metal.set_cache_limit metal.set_memory_limit metal.set_wired_limit nn.Module.is_module
nn.Module.valid_child_filter nn.Module.valid_parameter_filter nn.Module.trainable_parameter_filter
nn.utils.checkpoint nn.utils.clip_grad_norm_sharded nn.layers.distributed.sum_gradients
nn.layers.upsample.upsample_nearest nn.layers.upsample.upsample_linear nn.layers.upsample.upsample_cubic
optimizers.Optimizer.init_single optimizers.Optimizer.apply_single optimizers.Optimizer.step
optimizers.Optimizer.learning_rate mlx.launch
mlx.distributed_config`,
  },
];
