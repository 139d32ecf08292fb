-- Lace in Neovim (0.7 or later): `:luafile lace.lua`, or a line `require("lace")` with this file in lua/ of the configuration.
-- $LACEC is the lacec that is started, with its words; without it, the one on the path.

vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, {
  pattern = "*.lace",
  callback = function()
    vim.bo.filetype = "lace"
  end,
})

local function command()
  local words = vim.env.LACEC and vim.split(vim.env.LACEC, " ") or { "lacec" }
  vim.list_extend(words, { "lsp", "--stdio" })
  return words
end

local clients = {}

local function attach(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  local found = vim.fs and vim.fs.find({ "package.json", ".git" }, { path = vim.fn.fnamemodify(name, ":h"), upward = true })[1]
  local root = found and vim.fn.fnamemodify(found, ":h") or vim.fn.fnamemodify(name, ":p:h")
  clients[root] = clients[root]
    or vim.lsp.start_client({
      name = "lacec",
      cmd = command(),
      root_dir = root,
      workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
      capabilities = vim.lsp.protocol.make_client_capabilities(),
    })
  vim.lsp.buf_attach_client(buffer, clients[root])
  vim.bo[buffer].omnifunc = "v:lua.vim.lsp.omnifunc"
  vim.bo[buffer].commentstring = "// %s"
  local function map(keys, action)
    vim.keymap.set("n", keys, action, { buffer = buffer })
  end
  map("K", vim.lsp.buf.hover)
  map("gd", vim.lsp.buf.definition)
  map("gr", vim.lsp.buf.references)
  map("<leader>r", vim.lsp.buf.rename)
  map("<leader>a", vim.lsp.buf.code_action)
end

vim.api.nvim_create_autocmd("FileType", {
  pattern = "lace",
  callback = function(event)
    attach(event.buf)
  end,
})
