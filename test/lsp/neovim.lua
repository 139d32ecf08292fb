-- What test/lsp/editors.test.ts has Neovim do with a script: it writes what it saw as JSON into $LACE_TEST_OUT.
local seen = {}

local function wait(what, ready)
  if not vim.wait(60000, ready, 50) then
    error("waited too long for " .. what)
  end
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 30000)
  for _, answer in pairs(answers or {}) do
    return answer.result
  end
end

local function at(line, character)
  vim.api.nvim_win_set_cursor(0, { line, character })
  return vim.lsp.util.make_position_params(0, "utf-16")
end

local ok, problem = pcall(function()
  wait("diagnostics", function()
    return #vim.diagnostic.get(0) > 0
  end)
  seen.diagnostics = {}
  for _, d in ipairs(vim.diagnostic.get(0)) do
    table.insert(seen.diagnostics, { code = d.code, line = d.lnum, from = d.col })
  end
  seen.hover = ask("textDocument/hover", at(4, 7)).contents.value
  local completion = ask("textDocument/completion", at(5, 37))
  seen.completion = {}
  for _, item in ipairs(completion.items or completion) do
    table.insert(seen.completion, item.label)
  end
  local params = at(4, 7)
  params.newName = "reader"
  local edit = ask("textDocument/rename", params)
  vim.lsp.util.apply_workspace_edit(edit, "utf-16")
  local edits = ask("textDocument/formatting", vim.lsp.util.make_formatting_params({}))
  if edits then
    vim.lsp.util.apply_text_edits(edits, 0, "utf-16")
  end
  seen.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
end)
seen.problem = not ok and tostring(problem) or nil
local file = io.open(vim.env.LACE_TEST_OUT, "w")
file:write(vim.fn.json_encode(seen))
file:close()
vim.cmd("qa!")
